import Glibc
import Synchronization

/// How far long work is: a bar on a terminal, redrawn at most ten times a second; elsewhere a line every ten seconds and
/// one at the end.
///
///     let bar = ProgressBar("train", total: episodes, unit: "episodes")
///     for episode in … { bar.update(episode + 1) { [("reward", Number.fixed(mean, 2))] } }
///     bar.finish()
public final class ProgressBar: Sendable {
  static let redrawInterval = 0.1
  static let lineInterval = 10.0

  private let label: String
  private let total: Int
  private let unit: String
  private let screen: Screen
  private let style: Style
  private let now: @Sendable () -> Double
  private let state: Mutex<State>

  private struct State {
    var done: Int
    var fields: [(String, String)] = []
    var lastShown: Double
    var isFinished = false
    var rate: ProgressRate
  }

  /// - `total`: 0 where it is not known.
  /// - `done`: what an earlier run has done already; it does not count for the rate.
  /// - `now`: seconds, never going back.
  public init(
    _ label: String, total: Int, unit: String, done: Int = 0, screen: Screen = .standardError,
    style: Style = Style.detect(descriptor: 2), now: @escaping @Sendable () -> Double = Clock.monotonic
  ) {
    self.label = label
    self.total = total
    self.unit = unit
    self.screen = screen
    self.style = style
    self.now = now
    let start = now()
    state = Mutex(State(done: done, lastShown: start, rate: ProgressRate(done: done, at: start)))
    if screen.isTerminal { draw(done, [], [], ProgressRate(done: done, at: start), start) }
  }

  /// - `fields`: names and values to show; asked only when something is shown.
  /// - `picture`: lines above the bar, where there is a terminal, for its columns and rows; asked only when it is drawn.
  public func update(
    _ done: Int, fields: () -> [(String, String)] = { [] },
    picture: (_ columns: Int, _ rows: Int) -> [String] = { _, _ in [] }
  ) {
    let time = now()
    state.withLock { state in
      state.done = done
      let interval = screen.isTerminal ? ProgressBar.redrawInterval : ProgressBar.lineInterval
      guard !state.isFinished, time - state.lastShown >= interval else { return }
      state.lastShown = time
      state.rate.note(done, at: time)
      state.fields = fields()
      draw(done, screen.isTerminal ? picture(screen.columns - 1, screen.rows) : [], state.fields, state.rate, time)
    }
  }

  /// The last state stays as an ordinary line, below the last picture.
  public func finish(
    fields: (() -> [(String, String)])? = nil, picture: (_ columns: Int, _ rows: Int) -> [String] = { _, _ in [] }
  ) {
    let time = now()
    state.withLock { state in
      guard !state.isFinished else { return }
      state.isFinished = true
      state.rate.note(state.done, at: time)
      if let fields { state.fields = fields() }
      let progress = Progress(
        label: label, done: state.done, total: total, unit: unit, rate: state.rate.overall(at: time),
        elapsed: time - state.rate.start, fields: state.fields)
      if screen.isTerminal {
        screen.release(keeping: false)
        for line in picture(screen.columns - 1, screen.rows) { screen.line(line) }
      }
      screen.line(progress.closing)
    }
  }

  private func draw(
    _ done: Int, _ picture: [String], _ fields: [(String, String)], _ rate: ProgressRate, _ time: Double
  ) {
    let progress = Progress(
      label: label, done: done, total: total, unit: unit, rate: rate.recent, elapsed: time - rate.start, fields: fields)
    if screen.isTerminal {
      screen.show(picture + [progress.bar(width: screen.columns - 1, style: style)])
    } else {
      screen.line(progress.line)
    }
  }
}

/// Units per second, recent ones weighing more: both sums decay with a time constant of 15 s, so that the first estimate
/// is already unbiased.
struct ProgressRate {
  static let memorySeconds = 15.0

  let start: Double
  private let startDone: Int
  private var lastTime: Double
  private var lastDone: Int
  private var units = 0.0
  private var seconds = 0.0

  init(done: Int, at time: Double) {
    (start, startDone, lastTime, lastDone) = (time, done, time, done)
  }

  mutating func note(_ done: Int, at time: Double) {
    let elapsed = time - lastTime
    guard elapsed > 0 else { return }
    let decay = exp(-elapsed / ProgressRate.memorySeconds)
    units = units * decay + Double(done - lastDone)
    seconds = seconds * decay + elapsed
    (lastTime, lastDone) = (time, done)
  }

  /// Nil before there is anything to judge from.
  var recent: Double? { seconds > 0 && units > 0 ? units / seconds : nil }

  func overall(at time: Double) -> Double? {
    time > start && lastDone > startDone ? Double(lastDone - startDone) / (time - start) : nil
  }
}

/// One state of the work as text.
struct Progress {
  var label: String
  var done: Int
  var total: Int
  var unit: String
  var rate: Double?
  var elapsed: Double
  var fields: [(String, String)]

  private var fraction: Double { total > 0 ? min(1, max(0, Double(done) / Double(total))) : 0 }
  private var count: String { total > 0 ? "\(done)/\(total) \(unit)" : "\(done) \(unit)" }
  private var percent: String { "\(Int((fraction * 100).rounded(.down)))%" }
  private var speed: String? { rate.map { "\(Number.metric($0))/s" } }
  private var remaining: String? {
    guard let rate, rate > 0, total > done else { return nil }
    return "ETA " + Number.duration(seconds: Double(total - done) / rate)
  }

  /// `train: 126/300 episodes (42%), 12.3/s, ETA 14s, reward -1.23`
  var line: String {
    let head = label + ": " + count + (total > 0 ? " (\(percent))" : "")
    return ([head] + [speed, remaining].compactMap { $0 } + fields.map { "\($0) \($1)" }).joined(separator: ", ")
  }

  /// `train: 300/300 episodes in 24s, 12.5/s, reward -0.85`
  var closing: String {
    let head = "\(label): \(count) in \(Number.duration(seconds: elapsed))"
    return ([head] + [speed].compactMap { $0 } + fields.map { "\($0) \($1)" }).joined(separator: ", ")
  }

  /// One line of a terminal; the bar takes what the texts leave, up to 30 columns, and goes when there is no room.
  func bar(width: Int, style: Style) -> String {
    let tail =
      ([count, speed, remaining].compactMap { $0 } + fields.map { "\($0) \($1)" }).joined(separator: "  ")
    guard total > 0 else { return DisplayWidth.truncate("\(label)  \(tail)", to: width) }
    let head = "\(label)  "
    let texts = "  " + DisplayWidth.pad(percent, to: 4, right: true) + "  " + tail
    let room = min(30, width - DisplayWidth.of(head) - DisplayWidth.of(texts))
    guard room >= 5 else {
      return DisplayWidth.truncate("\(head)\(percent)  \(tail)", to: width)
    }
    return head + Progress.blocks(fraction, room, style) + texts
  }

  /// Eighths of a column: `████▌     `.
  private static func blocks(_ fraction: Double, _ width: Int, _ style: Style) -> String {
    let eighths = Int((fraction * Double(width * 8)).rounded(.down))
    let full = String(repeating: "█", count: eighths / 8)
    let part = eighths % 8 == 0 ? "" : String(["▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8 - 1])
    let rest = String(repeating: "░", count: max(0, width - eighths / 8 - (part.isEmpty ? 0 : 1)))
    return style.green(full + part) + style.dim(rest)
  }
}
