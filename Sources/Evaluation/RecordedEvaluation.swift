import Foundation

/// What `marlise eval --json` wrote, read again as far as a document quotes it.
public struct RecordedEvaluation: Decodable, Sendable {
  public struct Policy: Decodable, Sendable {
    public var name: String
    public var family: String
    public var meetsSLO: Bool
    public var missedRuns: Int
    /// By `MetricColumn.key`, in the table's units.
    public var estimates: [String: Estimate]
  }

  /// One policy's CPU against another's.
  public struct Comparison: Decodable, Sendable {
    public var subject: String
    public var opponent: String
    /// Of the subject's setting, seconds.
    public var p99: Double
    public var meetsSLO: Bool
    public var atSLO: PairedDifference?
    public var atEqualP99: PairedDifference?
  }

  public var load: String
  public var pods: Int
  public var pool: Int
  public var seconds: Int
  public var warmUp: Int
  public var slo: Double
  public var seeds: [UInt64]
  public var policies: [Policy]
  public var comparisons: [Comparison]

  private struct Several: Decodable { var evaluations: [RecordedEvaluation] }

  /// The evaluations of a file, one per load.
  ///
  /// - Throws: `EvaluationError` for a file that cannot be read or is of another format.
  public static func read(_ path: String) throws -> [RecordedEvaluation] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw EvaluationError("\(path) cannot be read, expected what `marlise eval --json` wrote")
    }
    if let several = try? JSONDecoder().decode(Several.self, from: data) { return several.evaluations }
    if let one = try? JSONDecoder().decode(RecordedEvaluation.self, from: data) { return [one] }
    throw EvaluationError("\(path) is no evaluation of this format, expected what `marlise eval --json` writes today")
  }
}
