import Autoscaling
import Foundation

/// A decision in plain words: what was measured, what the agent saw and wanted, and what pool and shield made of it.
public struct DecisionExplanation: Sendable {
  /// A heading and its text.
  public struct Paragraph: Sendable, Equatable {
    public var title: String
    public var text: String
  }

  public let paragraphs: [Paragraph]

  /// - Parameter place: of the pod in the record.
  public init(_ header: DecisionLogHeader, _ record: DecisionRecord, place: Int) {
    let pod = record.pods[place]
    var paragraphs: [Paragraph] = []
    func add(_ title: String, _ text: String) { paragraphs.append(Paragraph(title: title, text: text)) }
    guard let sample = pod.sample else {
      add("measured", "the pod was not there, or not measured yet; nothing was decided for it")
      self.paragraphs = paragraphs
      return
    }
    let used = sample.limit > 0 ? sample.usage / Double(sample.limit) * 100 : 0
    var measured = "\(Self.fixed(sample.usage, 0))m of \(sample.limit)m used (\(Self.fixed(used, 0)) %)"
    measured += ", \(Self.fixed(sample.throttled * 100, 0)) % of its periods throttled"
    if let mean = sample.responseMean { measured += ", answers in \(Self.fixed(mean * 1000, 1)) ms on average" }
    measured += "; the sample was \(Self.fixed(max(record.time - sample.time, 0), 1)) s old"
    add("measured", measured)
    if let seen = Self.utilisations(pod.observation, header.observation) {
      add("seen", "its utilisation over the last \(seen.count) samples: " + seen.joined(separator: ", ") + " %")
    }
    add("agent", Self.agent(pod, header))
    let request = pod.request == pod.wish ? "as wished" : "held to \(pod.request)m"
    add("shield", "\(request)\(Self.shieldWords(pod, record, header))")
    let neighbours = record.pods.filter { $0.sample != nil }.count - 1
    var pool = "\(pod.grant)m granted of \(pod.request)m"
    pool +=
      neighbours > 0 ? "; \(header.pool)m are shared with \(neighbours) other pods" : "; the pool is \(header.pool)m"
    pool += ", weight \(Self.fixed(pod.priority, 2))"
    if pod.reasons.contains("pool") { pool += "; there was not enough for all, so it was shared out by weight" }
    add("pool", pool)
    add("outcome", Self.outcome(pod, record, place, header))
    self.paragraphs = paragraphs
  }

  private static func agent(_ pod: DecisionRecord.Pod, _ header: DecisionLogHeader) -> String {
    guard let action = pod.action, action.isFinite else { return "gave no usable number, so nothing was wished" }
    let number: String
    switch header.action.kind {
    case "increments", "factors": number = "action \(fixed(action, 0)) of 0…\(max(header.action.count - 1, 0))"
    default: number = "action \(fixed(action, 3))"
    }
    guard let wish = pod.wish else { return "\(number), which is no usable wish" }
    let change = wish - pod.allocation
    let words = change == 0 ? "keep \(wish)m" : change > 0 ? "\(change)m more, \(wish)m" : "\(-change)m less, \(wish)m"
    return "\(header.agents.algorithm): \(number), that is \(words)"
  }

  private static func shieldWords(
    _ pod: DecisionRecord.Pod, _ record: DecisionRecord, _ header: DecisionLogHeader
  ) -> String {
    var words: [String] = []
    for reason in pod.reasons {
      switch reason {
      case "minimum": words.append("no limit below \(max(pod.minimum, header.shield.minimum))m")
      case "maximum": words.append("no limit above \(min(pod.maximum, header.shield.maximum))m")
      case "step": words.append("no step above \(header.shield.stepMaximum ?? 0)m")
      case "deadband": words.append("a change below \(header.shield.deadband)m is not worth a resize")
      case "stale":
        words.append("the sample is older than \(fixed(header.shield.sampleAgeMaximum, 0)) s, and nobody acts blindly")
      case "restore":
        words.append(
          "metrics stayed away too long, so it is led back to \(pod.original.map { "\($0)m" } ?? "its original limit")")
      case "unsettled": words.append("its last resize has not shown in a sample yet")
      case "not-finite": words.append("no usable wish")
      default: break
      }
    }
    let bounds =
      "; it may have \(max(pod.minimum, header.shield.minimum))m to \(min(pod.maximum, header.shield.maximum))m"
    return (words.isEmpty ? "" : ": " + words.joined(separator: "; ")) + bounds
  }

  private static func outcome(
    _ pod: DecisionRecord.Pod, _ record: DecisionRecord, _ place: Int, _ header: DecisionLogHeader
  ) -> String {
    if pod.limit == pod.from { return "the limit stays \(pod.from)m; nothing to send" }
    let change = "\(pod.from)m → \(pod.limit)m"
    if record.rejected.contains(place) { return "\(change) was sent and refused; \(pod.from)m stays" }
    if record.sent.contains(place) { return "\(change) was sent" }
    if !header.applies { return "\(change) is recommended; nothing is sent without --apply" }
    if pod.reasons.contains("recommend") { return "\(change) is recommended; the pod's mode is recommend" }
    if pod.reasons.contains("standby") { return "\(change) was not sent: another instance acts, this one stands by" }
    if pod.reasons.contains("quiet") {
      return "\(change) was held back: an earlier resize of this pod was refused or is open"
    }
    return "\(change) was held back: the budget of writes was used up"
  }

  /// The utilisation field of every reading, percent.
  private static func utilisations(_ base64: String?, _ name: String) -> [String]? {
    guard let base64, let data = Data(base64Encoded: base64), let spec = ObservationSpec.named(name),
      let field = spec.fields.firstIndex(of: .utilisation), data.count == spec.size * 4
    else { return nil }
    let bytes = Array(data)
    return (0..<spec.history).map { time in
      let start = (time * spec.width + field) * 4
      let bits = bytes[start..<(start + 4)].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      return fixed(Double(Float(bitPattern: bits)) * 100, 0)
    }
  }

  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    return String(format: "%.\(digits)f", value)
  }
}
