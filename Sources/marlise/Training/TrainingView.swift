import Terminal
import Training

/// How training goes, while it goes: on a terminal a bar below the learning curve, elsewhere a line now and then.
final class TrainingView {
  private let trainer: Trainer
  private let bar: ProgressBar
  private let style = Style.detect(descriptor: 2)
  private var rewards = Course()
  private var latencies = Course()
  private var validations = Course()
  private var recent: [Double] = []
  private var lastValidation: Double?
  private var stage: Int?

  init(_ trainer: Trainer) {
    self.trainer = trainer
    let settings = trainer.settings
    bar = ProgressBar(
      "train \(settings.algorithm)", total: settings.episodes, unit: "episodes", done: trainer.nextEpisode)
    stage = trainer.stage
    say(stage: stage)
  }

  func update(_ summary: EpisodeSummary, validation: Double?) {
    recent.append(summary.reward)
    if recent.count > 50 { recent.removeFirst() }
    rewards.add(summary.reward)
    latencies.add(summary.meanLatency * 1000)
    if let validation {
      validations.add(validation)
      lastValidation = validation
    }
    bar.update(
      trainer.nextEpisode,
      fields: {
        [
          ("reward", Number.fixed(self.recentReward, 2)),
          ("validation", self.lastValidation.map { Number.fixed($0, 3) } ?? "–"),
          ("latency", Number.fixed(summary.meanLatency * 1000, 0) + " ms"),
          ("explore", Number.fixed(summary.exploration, 2)),
        ]
      }, picture: { self.picture(columns: $0, rows: $1) })
    if trainer.stage != stage, trainer.nextEpisode < trainer.settings.episodes {
      stage = trainer.stage
      say(stage: stage)
    }
  }

  func finish() {
    bar.finish(
      fields: {
        [
          ("reward", Number.fixed(self.recentReward, 2)),
          ("best validation", self.trainer.best.map { Number.fixed($0.score, 3) } ?? "–"),
        ]
      }, picture: { self.picture(columns: $0, rows: $1) })
  }

  private var recentReward: Double { recent.isEmpty ? 0 : recent.reduce(0, +) / Double(recent.count) }

  private func say(stage: Int?) {
    guard let stage, let stages = trainer.settings.curriculum else { return }
    Screen.standardError.line(
      "stage \(stage + 1) of \(stages.count) from episode \(trainer.nextEpisode) on: \(stages[stage].text)")
  }

  /// Reward and validation score beside the response time, each on a scale of its own, where there is room.
  private func picture(columns: Int, rows: Int) -> [String] {
    guard rewards.count > 1, rows >= 12, columns >= 50 else { return [] }
    let height = min(10, rows - 6)
    let from = Double(trainer.nextEpisode - rewards.count)
    let to = Double(trainer.nextEpisode)
    let panels: [(String, Course)] = [
      ("reward", rewards), ("validation", validations), ("latency ms", latencies),
    ].filter { $0.1.count > 1 }
    let shown = panels.prefix(columns >= 100 ? 3 : 2)
    let width = (columns - 2 * (shown.count - 1)) / shown.count
    let pictures = shown.map { name, course in
      [style.bold(name)]
        + TerminalPlot(width: width, height: height, style: style)
        .text([(name, course.values)], from: from, to: to, unit: "episodes")
        .split(separator: "\n").map(String.init)
    }
    return Lines.beside(pictures, width: width)
  }
}

/// Values in the order in which they came, so few that they can be drawn ten times a second: neighbours are averaged when there
/// are too many.
struct Course {
  private static let limit = 2048
  /// How many came.
  private(set) var count = 0
  private var means: [Double] = []
  private var size = 1
  private var sum = 0.0
  private var pending = 0

  /// What came since the last whole mean is one more.
  var values: [Double] { pending > 0 ? means + [sum / Double(pending)] : means }

  mutating func add(_ value: Double) {
    count += 1
    sum += value
    pending += 1
    guard pending == size else { return }
    means.append(sum / Double(size))
    (sum, pending) = (0, 0)
    guard means.count == Self.limit else { return }
    means = stride(from: 0, to: Self.limit, by: 2).map { (means[$0] + means[$0 + 1]) / 2 }
    size *= 2
  }
}
