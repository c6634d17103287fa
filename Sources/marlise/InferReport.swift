import Autoscaling
import Foundation
import Terminal

/// What `infer` shows of each round.
final class InferReport {
  enum Form { case table, lines, json }

  private let form: Form
  private let group: PodGroup
  private let view = LiveView(screen: .standardOutput)
  private var rounds = 0
  private var resizes = 0
  private var limitSum = 0.0
  private var usageSum = 0.0

  init(_ form: Form, group: PodGroup) {
    self.form = form
    self.group = group
  }

  func show(_ round: Int, at time: Double) throws {
    rounds += 1
    for pod in 0..<group.count {
      if group.resizes[pod].isNeeded { resizes += 1 }
      limitSum += Double(group.samples[pod].limit)
      usageSum += group.samples[pod].usage
    }
    switch form {
    case .table:
      let lines = ["round \(round), \(Number.short(time)) s"] + table.split(separator: "\n").map(String.init)
      view.show(lines, plain: lineOfAll(at: time))
    case .lines:
      for pod in 0..<group.count { try Output.standardOutput.write(line(pod, at: time) + "\n") }
    case .json:
      try Output.standardOutput.write(json(round, at: time))
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

  private func action(_ resize: Resize) -> String {
    guard let wish = resize.wish else { return "none" }
    let change = wish - resize.allocation
    return change == 0 ? "keep" : change > 0 ? "+\(change)" : "\(change)"
  }

  private var table: String {
    var table = Table([
      .text("pod"), .number("priority"), .number("limit", unit: "m"), .number("usage", unit: "m"),
      .number("used", unit: "%"),
      .number("response", unit: "ms"), .number("action", unit: "m"), .number("new limit", unit: "m"),
      .number("available", unit: "m"), .text("held by"),
    ])
    for pod in 0..<group.count {
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

  private func line(_ pod: Int, at time: Double) -> String {
    let (sample, resize) = (group.samples[pod], group.resizes[pod])
    guard sample.isPresent else { return "\(Number.short(time)) s \(group.pods[pod].name): absent" }
    let reasons = resize.reasons.isEmpty ? "" : " (\(resize.reasons.names.joined(separator: ", ")))"
    return
      "\(Number.short(time)) s \(group.pods[pod].name): limit \(sample.limit)m, usage \(Number.fixed(sample.usage, 0))m, "
      + "\(Number.fixed(sample.utilisation, 0)) %, action \(action(resize)), new limit \(resize.limit)m\(reasons), "
      + "available \(group.available)m"
  }

  /// One line for a log: every pod's limit and utilisation.
  private func lineOfAll(at time: Double) -> String {
    let pods = (0..<group.count).map { pod in
      let sample = group.samples[pod]
      guard sample.isPresent else { return "\(group.pods[pod].name) absent" }
      return
        "\(group.pods[pod].name) \(sample.limit)m \(Number.fixed(sample.utilisation, 0))% \(action(group.resizes[pod]))"
    }
    return "\(Number.short(time)) s  " + pods.joined(separator: "  ") + "  available \(group.available)m"
  }

  private struct Round: Encodable {
    struct Pod: Encodable {
      var name: String
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
    }
    var round: Int
    var time: Double
    var available: Int
    var pods: [Pod]
  }

  private func json(_ round: Int, at time: Double) throws -> String {
    let pods = (0..<group.count).map { pod in
      let (sample, resize) = (group.samples[pod], group.resizes[pod])
      return Round.Pod(
        name: group.pods[pod].name, isPresent: sample.isPresent, priority: group.pods[pod].priority,
        limit: sample.limit, usage: sample.usage,
        utilisation: sample.utilisation, throttledFraction: sample.throttledFraction,
        responseTime: sample.responseTimes?.mean, wish: resize.wish, grant: resize.grant, newLimit: resize.limit,
        reasons: resize.reasons.names)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(Round(round: round, time: time, available: group.available, pods: pods))
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}
