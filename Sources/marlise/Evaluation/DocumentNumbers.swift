import Checkpoints
import Evaluation
import Foundation
import Terminal

/// The numbers of a Markdown file that come from other files: between a line `<!-- numbers: WHAT -->` and the next
/// `<!-- end of numbers -->` stands what the files beside it say, so that text and measurements cannot drift apart.
///
///     trained FILE.h5                      what a checkpoint was trained on
///     table LOAD FILE.json...              every policy of the evaluations on a load, each once
///     against POLICY FILE.json...          what trained policies save or cost against another, on every load
///     equal-p99 FILE.json...               CPU against every other policy where both are equally fast
struct DocumentNumbers {
  private let path: String
  private let folder: String

  init(_ path: String) {
    self.path = path
    folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  private static let begin = "<!-- numbers: "
  private static let end = "<!-- end of numbers -->"

  /// The text with its numbers as the files have them now.
  ///
  /// - Throws: `Failure` for a block that is not ended, not known, or whose file cannot be read.
  func filled(_ text: String) throws -> String {
    var lines: [String] = []
    var open: Int?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.hasPrefix(Self.begin) {
        guard open == nil, line.hasSuffix(" -->") else {
          throw Failure(
            "\(path):\(index + 1): expected '\(Self.end)' before the next block, and ' -->' at its line's end")
        }
        open = index + 1
        let words = line.dropFirst(Self.begin.count).dropLast(4).split(separator: " ").map(String.init)
        do {
          lines += [String(line), "", try block(words).trimmingCharacters(in: .newlines), ""]
        } catch {
          throw Failure("\(path):\(index + 1): \(error)")
        }
      } else if line == Self.end {
        guard open != nil else { throw Failure("\(path):\(index + 1): '\(Self.end)' ends no block") }
        open = nil
        lines.append(Self.end)
      } else if open == nil {
        lines.append(String(line))
      }
    }
    if let open { throw Failure("\(path):\(open): the block has no '\(Self.end)'") }
    return lines.joined(separator: "\n")
  }

  /// A card to begin with: what a policy was trained on and how it compares. What is written between the blocks stays.
  static func newCard(_ name: String) -> String {
    func block(_ what: String) -> String { "\(begin)\(what) -->\n\(end)\n" }
    return """
      # \(name)

      \(block("trained \(name).h5"))
      ## How it compares, and where it fails

      \(block("against threshold \(name).json"))
      \(block("equal-p99 \(name).json"))
      ## All numbers

      \(block("table * \(name).json"))
      """
  }

  private func block(_ words: [String]) throws -> String {
    switch words.first {
    case "trained" where words.count == 2: return try trained(folder + "/" + words[1])
    case "table" where words.count >= 3: return try table(load: words[1], try evaluations(words.dropFirst(2)))
    case "against" where words.count >= 3:
      return against(words[1], try evaluations(words.dropFirst(2)))
    case "equal-p99" where words.count >= 2: return equalP99(try evaluations(words.dropFirst()))
    default:
      throw Failure(
        "'\(words.joined(separator: " "))' is no block; expected trained FILE.h5, table LOAD FILE.json..., against POLICY "
          + "FILE.json... or equal-p99 FILE.json...")
    }
  }

  private func evaluations(_ names: ArraySlice<String>) throws -> [RecordedEvaluation] {
    try names.flatMap { try RecordedEvaluation.read(folder + "/" + $0) }
  }

  // MARK: Blocks

  /// What a configuration's JSON says of a run, as far as a card needs it.
  private struct Written: Decodable {
    struct Training: Decodable {
      struct Load: Decodable {
        var name: String
        var mean: Double
      }
      var episodes: Int
      var steps: Int
      var clusters: Int
      var workload: Load
      var pool: Int
      var poolSpread: Double
    }
    var training: Training
  }

  private func trained(_ path: String) throws -> String {
    let metadata = try Checkpoint.read(path, including: .weights).metadata
    let run = try? JSONDecoder().decode(Written.self, from: Data(metadata.configuration.utf8)).training
    let load = run.map {
      " on the load `\($0.workload.name)` with up to \(Number.short($0.workload.mean)) requests/s for each pod and a pool of "
        + "\($0.pool)m" + ($0.poolSpread > 1 ? " (÷ and × \(Number.short($0.poolSpread)))" : "")
    }
    let length = run.map {
      "\($0.episodes) episodes of \($0.steps) s in \($0.clusters) clusters, seed \(metadata.seed); "
    }
    return
      "`\(metadata.algorithm)`, observation `\(metadata.observation.kind)`, reward `\(metadata.reward)`. Trained"
      + "\(load ?? ""): \(length ?? "")its weights are those of the best look at validation load, after "
      + "\(Number.grouped(metadata.trainingSteps)) pod-seconds."
  }

  private func table(load: String, _ evaluations: [RecordedEvaluation]) throws -> String {
    var names: [String] = []
    for one in evaluations where !names.contains(one.load) { names.append(one.load) }
    let wanted = load == "*" ? names : names.filter { $0 == load }
    guard !wanted.isEmpty else {
      throw Failure("no evaluation of the load '\(load)', expected \(names.joined(separator: ", "))")
    }
    return wanted.map { name in
      let parts = evaluations.filter { $0.load == name }
      var table = Table([.text("policy")] + MetricColumn.usual.map { .number($0.title) } + [.text("SLO")])
      var seen: Set<String> = []
      for policy in parts.flatMap(\.policies) where seen.insert(policy.name).inserted {
        table.add(
          [.text(label(policy, among: parts[0].policies))]
            + MetricColumn.usual.map { column in
              policy.estimates[column.key].map { .estimate($0.mean, $0.halfWidth, decimals: column.decimals) } ?? .none
            } + [.text(policy.meetsSLO ? "met" : "missed in \(policy.missedRuns) of \(parts[0].seeds.count)")])
      }
      return headline(parts[0]) + "\n\n" + table.markdown()
    }.joined(separator: "\n")
  }

  /// A policy's own name, or its family's where it has one setting.
  private func label(_ policy: RecordedEvaluation.Policy, among all: [RecordedEvaluation.Policy]) -> String {
    all.count { $0.family == policy.family } > 1 ? policy.name : policy.family
  }

  private func headline(_ evaluation: RecordedEvaluation) -> String {
    let warmUp = evaluation.warmUp > 0 ? " after \(evaluation.warmUp) s" : ""
    return "\(evaluation.load): \(evaluation.pods) pods share \(evaluation.pool)m, \(evaluation.seconds) s\(warmUp), "
      + "\(evaluation.seeds.count) seeds, SLO \(Number.short(evaluation.slo * 1000)) ms; mean ± 95 % interval."
  }

  /// Trained policies are the subjects of comparisons.
  private func against(_ opponent: String, _ evaluations: [RecordedEvaluation]) -> String {
    var lines: [String] = []
    for one in evaluations {
      let subjects = Set(one.comparisons.map(\.subject))
      guard let other = one.policies.first(where: { $0.family == opponent }) else { continue }
      for policy in one.policies where subjects.contains(policy.family) && policy.family != opponent {
        let (cpu, tail) = (change("limitCoreHours", policy, other), change("p99", policy, other))
        lines.append(
          "* **\(one.load)**: `\(policy.family)` allocates \(percent(cpu)) CPU and has a P99 of "
            + "\(Number.fixed(policy.estimates["p99"]?.mean ?? .nan, 0)) ms (\(percent(tail))), where `\(opponent)` has "
            + "\(Number.fixed(other.estimates["p99"]?.mean ?? .nan, 0)) ms; \(verdict(cpu, tail)). The SLO of "
            + "\(Number.short(one.slo * 1000)) ms is "
            + (policy.meetsSLO ? "met" : "missed in \(policy.missedRuns) of \(one.seeds.count) runs") + ".")
      }
    }
    return lines.isEmpty ? "Not compared with `\(opponent)`." : lines.joined(separator: "\n")
  }

  private func change(
    _ key: String, _ policy: RecordedEvaluation.Policy, _ other: RecordedEvaluation.Policy
  ) -> Double {
    (policy.estimates[key]?.mean ?? .nan) / (other.estimates[key]?.mean ?? .nan) - 1
  }

  private func verdict(_ cpu: Double, _ tail: Double) -> String {
    switch (cpu < 0, tail <= 0) {
    case (true, true): "better in both"
    case (true, false): "thrifty, but slower"
    case (false, true): "faster, but dear"
    case (false, false): "**behind in both**"
    }
  }

  private func equalP99(_ evaluations: [RecordedEvaluation]) -> String {
    var table = Table(
      [
        .text("load"), .text("policy"), .number("P99 ms"), .text("against"), .text("CPU at equal P99"),
        .text("CPU, both within the SLO"),
      ])
    for one in evaluations {
      for comparison in one.comparisons {
        table.add([
          .text(one.load), .text(comparison.subject), .number(comparison.p99 * 1000, decimals: 0),
          .text(comparison.opponent), .text(interval(comparison.atEqualP99, "is never so fast")),
          .text(interval(comparison.atSLO, "–")),
        ])
      }
    }
    return table.markdown()
  }

  private func interval(_ difference: PairedDifference?, _ otherwise: String) -> String {
    guard let difference else { return otherwise }
    return "\(percent(difference.mean)) [\(signed(difference.low)), \(signed(difference.high))]"
  }

  private func percent(_ share: Double) -> String { signed(share) + " %" }

  private func signed(_ share: Double) -> String {
    let text = Number.fixed(abs(share) * 100, 1)
    return text == "0.0" ? "±0" : (share < 0 ? "−" : "+") + text
  }
}
