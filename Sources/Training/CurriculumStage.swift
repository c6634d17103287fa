import Foundation
import PodSimulation

/// A part of a run that has conditions of its own: how heavy the load is, how many pods there are, and how much CPU for each.
///
/// Every cluster of every episode draws its conditions from the stage's ranges, from streams named by (seed, cluster,
/// episode): a resumed run, and one on other threads, meets the same ones.
///
///     episodes=200 workload=constant load=0.5 pods=3 pool_per_pod=400-600
public struct CurriculumStage: Codable, Equatable, Sendable {
  /// Inclusive ends, the second not below the first.
  public typealias Span = Randomization.Range

  /// Episodes that the stage lasts; nil for the last one, which lasts to the end.
  public var episodes: Int?
  /// The shape of the load, in place of the run's; without the run's parameters, which belong to another shape.
  public var workload: String?
  /// What every request rate is multiplied by, 0.01…100.
  public var load: Span?
  /// How many of the pods are there, whole numbers; the others are absent for the whole episode. nil for all.
  public var pods: Span?
  /// The pool, millicores for each pod that is there; nil for the run's pool, in the proportion of pods that are there.
  public var poolPerPod: Span?

  public init(
    episodes: Int? = nil, workload: String? = nil, load: Span? = nil, pods: Span? = nil, poolPerPod: Span? = nil
  ) {
    self.episodes = episodes
    self.workload = workload
    self.load = load
    self.pods = pods
    self.poolPerPod = poolPerPod
  }

  /// Reads `key=value` pairs, separated by blanks.
  ///
  /// - Throws: `TrainingError` for an unknown key, a key given twice, or a value that is none.
  public init(_ text: String) throws {
    self.init()
    var seen: Set<String> = []
    for word in text.split(whereSeparator: \.isWhitespace) {
      let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, !sides[1].isEmpty else {
        throw TrainingError("a stage has '\(word)', expected key=value such as load=0.5-1")
      }
      guard seen.insert(sides[0]).inserted else { throw TrainingError("a stage has '\(sides[0])' twice") }
      switch sides[0] {
      case "episodes":
        guard let count = Int(sides[1]), (1...100_000_000).contains(count) else {
          throw TrainingError("a stage has '\(word)', expected a whole number of episodes from 1 to 100,000,000")
        }
        episodes = count
      case "workload": workload = sides[1]
      case "load": load = try Self.span(sides[1], of: word, in: 0.01...100)
      case "pods":
        let span = try Self.span(sides[1], of: word, in: 1...10_000)
        guard span.from.rounded() == span.from, span.to.rounded() == span.to else {
          throw TrainingError("a stage has '\(word)', expected whole numbers of pods")
        }
        pods = span
      case "pool_per_pod": poolPerPod = try Self.span(sides[1], of: word, in: 1...10_000_000)
      default:
        throw TrainingError(
          "a stage has '\(sides[0])', expected episodes, workload, load, pods or pool_per_pod")
      }
    }
  }

  private static func span(_ text: String, of word: Substring, in bounds: ClosedRange<Double>) throws -> Span {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
    guard ends.count == 1 || ends.count == 2, let from = ends.first, let to = ends.last,
      bounds.contains(from), bounds.contains(to), from <= to
    else {
      let (low, high) = (Int(bounds.lowerBound.rounded(.up)), Int(bounds.upperBound))
      throw TrainingError(
        "a stage has '\(word)', expected a number or two with a dash between them, from "
          + (bounds.lowerBound < 1 ? "\(bounds.lowerBound)" : "\(low)") + " to \(high)")
    }
    return Span(from, to)
  }

  /// As it is read.
  public var text: String {
    [
      episodes.map { "episodes=\($0)" }, workload.map { "workload=\($0)" }, load.map { "load=\($0.text)" },
      pods.map { "pods=\($0.text)" }, poolPerPod.map { "pool_per_pod=\($0.text)" },
    ].compactMap { $0 }.joined(separator: " ")
  }

  /// - Throws: `TrainingError` for stages that do not make a run of these settings.
  static func validate(_ stages: [CurriculumStage], for settings: TrainingSettings) throws {
    guard (1...1000).contains(stages.count) else {
      throw TrainingError("the curriculum has \(stages.count) stages, expected 1 to 1,000")
    }
    guard stages.dropLast().allSatisfy({ $0.episodes != nil }), stages.last?.episodes == nil else {
      throw TrainingError(
        "every stage of the curriculum but the last says how many episodes it lasts, and only those do")
    }
    var before = 0
    for stage in stages.dropLast() { before += min(stage.episodes ?? 0, 100_000_000) }
    guard before < settings.episodes else {
      throw TrainingError(
        "the curriculum's last stage begins after \(before) episodes, expected fewer than the run's \(settings.episodes)"
      )
    }
    for (index, stage) in stages.enumerated() {
      let name = "stage \(index + 1) of the curriculum"
      if let pods = stage.pods {
        guard pods.to <= Double(settings.pods.count) else {
          throw TrainingError(
            "\(name) has up to \(Int(pods.to)) pods, expected at most the run's \(settings.pods.count)")
        }
        guard settings.graph == nil else {
          throw TrainingError("\(name) leaves pods out, but a service graph needs all of them")
        }
      }
      if let pool = stage.poolPerPod {
        guard pool.from >= Double(settings.minimum) else {
          throw TrainingError(
            "\(name) has \(pool.from)m for a pod, expected at least the smallest limit of \(settings.minimum)m")
        }
        guard !settings.variablePool, settings.poolSpread == 1 else {
          throw TrainingError("\(name) draws the pool, and so does the run; expected one of them")
        }
      }
      if let workload = stage.workload {
        guard settings.workload.trace == nil, Workload.names.contains(workload), workload != "trace" else {
          throw TrainingError(
            settings.workload.trace != nil
              ? "\(name) has a load of its own, but the run plays a recording"
              : "\(name) has an unknown load '\(workload)', expected one of: "
                + Workload.names.filter { $0 != "trace" }.joined(separator: " "))
        }
      }
    }
  }
}

extension CurriculumStage.Span {
  /// As a stage is written: 3-8, or 3 where both ends are one.
  var text: String { from == to ? Self.text(from) : Self.text(from) + "-" + Self.text(to) }

  private static func text(_ value: Double) -> String { Int(exactly: value).map { "\($0)" } ?? "\(value)" }
}
