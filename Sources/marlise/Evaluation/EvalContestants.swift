import Checkpoints
import Evaluation
import Foundation
import Learning
import Terminal

/// Who takes part in a study: baselines by name, with one setting or a sweep; shipped policies; checkpoint files.
struct EvalContestants {
  private(set) var all: [Contestant] = []
  private let options: ParsedOptions
  private let pods: Int

  init(_ options: ParsedOptions) throws {
    self.options = options
    pods = options.int("n_agents")
    // A sweep alone needs nobody else.
    let isSweepOnly = !options.wasGiven("policies") && !options.strings("sweep").isEmpty
    let policies = isSweepOnly ? [] : Baselines.joined(options.strings("policies"))
    for word in policies { try addPolicy(word) }
    for path in options.strings("checkpoint") { try addCheckpoint(path) }
    for word in Baselines.joined(options.strings("sweep")) {
      if word == "all" {
        for policy in policies {
          let name = String(policy.prefix { $0 != ":" })
          if Baselines.named(name)?.parameters.isEmpty == false { try addSweep(name) }
        }
      } else {
        try addSweep(word)
      }
    }
  }

  private mutating func add(_ contestant: Contestant) {
    let known = all.firstIndex { $0.identity == contestant.identity && $0.family == contestant.family }
    guard let known else { return all.append(contestant) }
    // Named by itself, and swept besides.
    if all[known].knobs.isEmpty { all[known].knobs = contestant.knobs }
  }

  private mutating func addPolicy(_ word: String) throws {
    if let (baseline, values) = try options.accepting("policies", { try Baselines.parse(word) }) {
      add(Contestant(baseline, values: values, name: word))
    } else if word == "shipped" || Algorithms.names.contains(word) {
      try addTrained(try ShippedCheckpoints.path(of: word == "shipped" ? nil : word), name: word, family: word)
    } else {
      // NAME=FILE+FILE: several points of one policy.
      let sides = word.split(separator: "=", maxSplits: 1).map(String.init)
      let files = (sides.last ?? word).split(separator: "+").map(String.init)
      guard FileManager.default.fileExists(atPath: word) || files.allSatisfy(FileManager.default.fileExists) else {
        throw unknown(word)
      }
      if FileManager.default.fileExists(atPath: word) {
        try addTrained(word, name: word, family: word)
      } else {
        for file in files { try addTrained(file, name: file, family: sides.count > 1 ? sides[0] : word) }
      }
    }
  }

  private mutating func addCheckpoint(_ path: String) throws {
    let name = try TrainedAgents(loading: path).algorithm.name
    let isTaken = all.contains { $0.name == name }
    try addTrained(path, name: isTaken ? path : name, family: isTaken ? path : name)
  }

  private mutating func addSweep(_ word: String) throws {
    guard let (baseline, settings) = try options.accepting("sweep", { try Baselines.parseSweep(word) }) else {
      throw options.rejection(
        "sweep", "has '\(word)', which is no baseline\(Suggestion.clause(word, among: Baselines.all.map(\.name)))")
    }
    guard !baseline.parameters.isEmpty else {
      throw options.rejection("sweep", "has '\(word)', which has nothing to tune")
    }
    let axes = baseline.parameters.indices.filter { axis in Set(settings.map { $0[axis] }).count > 1 }
    for values in settings { add(Contestant(baseline, values: values, axes: axes)) }
  }

  /// Once, or once for every caution that was asked for: points of one front.
  private mutating func addTrained(_ path: String, name: String, family: String) throws {
    let cautions = options.floats("caution")
    if cautions.isEmpty { add(try trained(path, name: name, family: family, caution: nil)) }
    for caution in cautions {
      add(
        try cautions.count == 1
          ? trained(path, name: name, family: family, caution: caution)
          : tuned(path, name: name, family: family, caution: caution))
    }
  }

  /// One point of a front.
  private func tuned(_ path: String, name: String, family: String, caution: Double) throws -> Contestant {
    var contestant = try trained(
      path, name: "\(name) caution \(Number.short(caution))", family: family, caution: caution)
    contestant.knobs = [
      Contestant.Knob(line: path, caution) { try tuned(path, name: name, family: family, caution: $0) }
    ]
    return contestant
  }

  private func trained(_ path: String, name: String, family: String, caution: Double?) throws -> Contestant {
    let hack = options.optionalInt("hack")
    let scale = options.optionalInt("scale_action")
    let agents = try TrainedAgents(loading: path, scale: scale, caution: caution)
    // Whether there are enough agents is known now, not an hour later.
    _ = try agents.policy(pods: pods, hack: hack)
    let pods = pods
    var contestant = Contestant(
      name: name, family: family,
      identity: "\(try CheckpointSummary(ofFile: path).digest ?? path) hack \(hack ?? -1) scale \(scale ?? -1)"
        + (caution.map { " caution \($0)" } ?? ""),
      observation: agents.observation, action: agents.action, compatibility: agents.compatibility
    ) { _ in try agents.policy(pods: pods, hack: hack) }
    contestant.isTrained = true
    return contestant
  }

  private func unknown(_ name: String) -> any Error {
    let names = Baselines.all.map(\.name) + ["shipped"] + Algorithms.names
    let hint = Suggestion.clause(name, among: names)
    return options.rejection(
      "policies", "has '\(name)', which is neither a file nor a policy\(hint)   (\(names.joined(separator: " ")))")
  }
}

extension ParsedOptions {
  /// Runs `body`; what it says is wrong with a policy becomes a rejection of the option.
  fileprivate func accepting<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as BaselineError {
      throw rejection(name, "is wrong: \(error)")
    }
  }
}
