import Autoscaling
import Foundation
import Kubernetes

/// Keeps the last decision that changed something, and its reason, in an annotation of the pod: for those who look at pods and
/// not at logs. At most two a minute and pod; needs the right to patch pods.
public final class DecisionAnnotator {
  public static let key = "marlise/last-decision"
  private let isOn: Bool
  private var limiter = EventLimiter(interval: 30)

  public init(isOn: Bool) {
    self.isOn = isOn
  }

  public func annotate(_ round: ControlRound, _ group: PodGroup, _ cluster: KubernetesCluster) {
    guard isOn else { return }
    for place in round.sent + round.heldBack {
      let resize = group.resizes[place]
      cluster.annotate(place, [Self.key: Self.text(resize, at: round.time)], limiter: &limiter)
    }
  }

  static func text(_ resize: Resize, at time: Double) -> String {
    let wish = resize.wish.map { "\($0)m wished" } ?? "no usable wish"
    let reasons = resize.reasons.isEmpty ? "" : " (\(resize.reasons.names.joined(separator: ", ")))"
    return
      "\(Timestamp(seconds: time).text): \(wish), \(resize.grant)m granted, \(resize.from)m to \(resize.limit)m\(reasons)"
  }
}

extension KubernetesCluster {
  func annotate(_ place: Int, _ annotations: [String: String?], limiter: inout EventLimiter) {
    guard place < tenants.count, let pod = roster.places[place],
      client.writesAvailable.map({ $0 > configuration.burst / 2 }) ?? true,
      limiter.allows(uid: pod.uid, reason: "annotation", at: clock.pacing.now())
    else { return }
    sender.send(note: PodNotes.annotate(pod.pod, annotations))
  }
}
