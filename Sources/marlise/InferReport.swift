import Autoscaling
import Control
import Foundation
import Terminal

/// What `infer` shows of each round.
final class InferReport {
  enum Form { case table, lines, json }

  private let form: Form
  private let view = LiveView(screen: .standardOutput)
  private var rounds = 0
  private var resizes = 0
  private var limitSum = 0.0
  private var usageSum = 0.0

  init(_ form: Form) {
    self.form = form
  }

  func show(_ round: ControlRound, _ group: PodGroup) throws {
    let time = round.time
    rounds += 1
    resizes += round.sent.count
    for pod in 0..<group.count where group.samples[pod].isPresent {
      limitSum += Double(group.samples[pod].limit)
      usageSum += group.samples[pod].usage
    }
    switch form {
    case .table:
      guard Screen.standardOutput.isTerminal else {
        // A table of a thousand pods that nobody sees would take more time than deciding about them.
        view.show([], plain: lineOfAll(group, at: time))
        return
      }
      view.show(
        ["round \(round.number), \(Self.moment(time))"] + table(group).split(separator: "\n").map(String.init))
    case .lines:
      for pod in shown(group) {
        try Output.standardOutput.write(line(pod, group, at: time) + "\n")
      }
    case .json:
      try Output.standardOutput.write(json(round, group))
    }
  }

  func finish() throws {
    view.finish()
    guard form != .json, rounds > 0 else { return }
    let usage = limitSum > 0 ? usageSum / limitSum * 100 : 0
    try Output.standardOutput.write(
      "\(rounds) rounds, \(resizes) resizes; \(Number.fixed(limitSum / Double(rounds), 0))m allocated on average, "
        + "\(Number.fixed(usage, 1)) % of it used\n")
  }

  /// The end of a run on a cluster: also what became of the patches, and how fast they were.
  func finish(_ statistics: LiveStatistics, missed: Int) throws {
    try finish()
    guard form != .json else { return }
    var text = "\(statistics.resizesSent) patches sent, \(statistics.resizesRefused) refused, "
    text += "\(statistics.resizesUnanswered) unanswered; \(missed) rounds missed"
    if let median = statistics.latencies.quantile(0.5), let high = statistics.latencies.quantile(0.99) {
      text += "; from samples to patch P50 \(Number.fixed(median * 1000, 1)) ms, P99 \(Number.fixed(high * 1000, 1)) ms"
    }
    try Output.standardOutput.write(text + "\n")
  }

  private func action(_ resize: Resize) -> String {
    guard let wish = resize.wish else { return "none" }
    let change = wish - resize.allocation
    return change == 0 ? "keep" : change > 0 ? "+\(change)" : "\(change)"
  }

  /// Simulated time counts from 0; a cluster's is the calendar's.
  private static func moment(_ time: Double) -> String {
    time < 1e9 ? "\(Number.short(time)) s" : String(Clock.iso8601(time).dropFirst(11))
  }

  /// All places but those that no pod ever had.
  private func shown(_ group: PodGroup) -> [Int] {
    (0..<group.count).filter { group.pods[$0].name != Place.vacant.description.name }
  }

  private func table(_ group: PodGroup) -> String {
    var table = Table([
      .text("pod"), .number("priority"), .number("limit", unit: "m"), .number("usage", unit: "m"),
      .number("used", unit: "%"),
      .number("response", unit: "ms"), .number("action", unit: "m"), .number("new limit", unit: "m"),
      .number("available", unit: "m"), .text("held by"),
    ])
    for pod in shown(group) {
      let (sample, resize) = (group.samples[pod], group.resizes[pod])
      table.add([
        .text(group.pods[pod].name), .number(group.pods[pod].priority, decimals: 1), .number(sample.limit),
        .number(sample.usage, decimals: 0), .number(sample.utilisation, decimals: 0),
        sample.responseTimes.map { .number($0.mean * 1000, decimals: 1) } ?? .none, .text(action(resize)),
        .number(resize.limit), .number(group.available),
        .text(sample.isPresent ? resize.reasons.names.joined(separator: " ") : "absent"),
      ])
    }
    return table.plain(style: Style.detect(descriptor: 1))
  }

  private func line(_ pod: Int, _ group: PodGroup, at time: Double) -> String {
    let (sample, resize) = (group.samples[pod], group.resizes[pod])
    guard sample.isPresent else { return "\(Self.moment(time)) \(group.pods[pod].name): absent" }
    let reasons = resize.reasons.isEmpty ? "" : " (\(resize.reasons.names.joined(separator: ", ")))"
    return
      "\(Self.moment(time)) \(group.pods[pod].name): limit \(sample.limit)m, usage \(Number.fixed(sample.usage, 0))m, "
      + "\(Number.fixed(sample.utilisation, 0)) %, action \(action(resize)), new limit \(resize.limit)m\(reasons), "
      + "available \(group.available)m"
  }

  /// One line for a log: every pod's limit and utilisation.
  private func lineOfAll(_ group: PodGroup, at time: Double) -> String {
    let pods = shown(group).map { pod in
      let sample = group.samples[pod]
      guard sample.isPresent else { return "\(group.pods[pod].name) absent" }
      return
        "\(group.pods[pod].name) \(sample.limit)m \(Number.fixed(sample.utilisation, 0))% \(action(group.resizes[pod]))"
    }
    return "\(Self.moment(time))  " + pods.joined(separator: "  ") + "  available \(group.available)m"
  }

  private struct Round: Encodable {
    struct Pod: Encodable {
      var name: String
      var owner: String?
      var isPresent: Bool
      var priority: Double
      var limit: Int
      var usage: Double
      var utilisation: Double
      var throttledFraction: Double
      var responseTime: Double?
      var wish: Int?
      var grant: Int
      var newLimit: Int
      var reasons: [String]
      var sent: Bool
    }
    var round: Int
    var time: Double
    var available: Int
    var pods: [Pod]
  }

  private func json(_ round: ControlRound, _ group: PodGroup) throws -> String {
    let pods = shown(group).map { pod in
      let (sample, resize) = (group.samples[pod], group.resizes[pod])
      return Round.Pod(
        name: group.pods[pod].name, owner: round.places[pod].owner.isEmpty ? nil : round.places[pod].owner,
        isPresent: sample.isPresent, priority: group.pods[pod].priority, limit: sample.limit, usage: sample.usage,
        utilisation: sample.utilisation, throttledFraction: sample.throttledFraction,
        responseTime: sample.responseTimes?.mean, wish: resize.wish, grant: resize.grant, newLimit: resize.limit,
        reasons: resize.reasons.names, sent: round.sent.contains(pod))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(Round(round: round.number, time: round.time, available: group.available, pods: pods))
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}
