import Autoscaling
import Foundation
import Testing

@testable import Control
@testable import Kubernetes

@Suite("What quotas leave to a pool")
struct QuotaRoomTests {
  /// - Parameter used: of `hard`.
  private func quota(
    _ name: String, _ resource: String, hard: Int, used: Int, scope: String? = nil
  ) throws -> ResourceQuota {
    let scopes = scope.map { "\"\($0)\"" } ?? ""
    let text = """
      {"metadata":{"name":"\(name)","namespace":"shop"},"spec":{"hard":{"\(resource)":"\(hard)m"},"scopes":[\(scopes)]},
      "status":{"hard":{"\(resource)":"\(hard)m"},"used":{"\(resource)":"\(used)m"}}}
      """
    return try JSONDecoder().decode(ResourceQuota.self, from: Data(text.utf8))
  }

  private func pod(_ name: String, request: Int, limit: Int, deadline: Int? = nil) -> SelectedPod {
    var resources = ResourceRequirements(
      limits: ["cpu": Quantity(millicores: limit)], requests: ["cpu": Quantity(millicores: request)])
    if request == limit {
      resources.limits["memory"] = Quantity(bytes: 1 << 20)
      resources.requests["memory"] = Quantity(bytes: 1 << 20)
    }
    var pod = Pod(
      metadata: ObjectMetadata(name: name, namespace: "shop", uid: name),
      spec: PodSpec(containers: [Container(name: "app", resources: resources)]))
    pod.spec.activeDeadlineSeconds = deadline
    return SelectedPod(pod: pod, container: "app", limit: limit, request: request, settings: PodSettings())
  }

  private var burstable: [SelectedPod] { (0..<3).map { pod("web-\($0)", request: 100, limit: 1000) } }

  @Test("a quota for pods that end does not bound pods that run for ever")
  func otherScope() throws {
    let terminating = try quota("jobs", "limits.cpu", hard: 1000, used: 0, scope: "Terminating")
    #expect(QuotaRoom.room(burstable, [terminating], .limitsOnly) == nil)
    let others = try quota("services", "limits.cpu", hard: 5000, used: 3000, scope: "NotTerminating")
    let room = try #require(QuotaRoom.room(burstable, [terminating, others], .limitsOnly))
    #expect(room.quotas == ["services"] && room.room == 5000)
  }

  @Test("a quota on requests bounds what moves requests", arguments: ["requests.cpu", "cpu"])
  func requests(_ resource: String) throws {
    let quotas = [try quota("requests", resource, hard: 900, used: 300)]
    #expect(QuotaRoom.room(burstable, quotas, .requestsAndLimits)?.room == 900)
    #expect(QuotaRoom.room(burstable, quotas, .requestsOnly)?.room == 900)
    #expect(QuotaRoom.room(burstable, quotas, .limitsOnly) == nil)
    // The request of a Guaranteed pod always follows its limit.
    let guaranteed = [pod("db-0", request: 100, limit: 100)]
    #expect(QuotaRoom.room(guaranteed, quotas, .limitsOnly)?.room == 700)
    #expect(QuotaRoom.room(guaranteed + burstable, quotas, .limitsOnly) == nil, "the others are free to grow")
  }

  @Test("of quotas that bound the same pods the tightest counts")
  func tightest() throws {
    let quotas = [
      try quota("wide", "limits.cpu", hard: 9000, used: 3000), try quota("tight", "limits.cpu", hard: 4000, used: 3000),
      try quota("requests", "requests.cpu", hard: 500, used: 300),
    ]
    let limits = try #require(QuotaRoom.room(burstable, quotas, .limitsOnly))
    #expect(limits.quotas == ["tight"] && limits.room == 4000)
    #expect(QuotaRoom.room(burstable, quotas, .requestsAndLimits)?.room == 500)
  }

  @Test("quotas that share the pods out among them bound them together")
  func parts() throws {
    let pods = burstable + [pod("job-0", request: 100, limit: 500, deadline: 60)]
    let services = try quota("services", "limits.cpu", hard: 3300, used: 3000, scope: "NotTerminating")
    let jobs = try quota("jobs", "limits.cpu", hard: 600, used: 500, scope: "Terminating")
    #expect(QuotaRoom.room(pods, [services], .limitsOnly) == nil)
    let room = try #require(QuotaRoom.room(pods, [services, jobs], .limitsOnly))
    #expect(room.quotas == ["jobs", "services"] && room.room == 3900)
    let all = try quota("all", "limits.cpu", hard: 3700, used: 3500)
    #expect(QuotaRoom.room(pods, [services, jobs, all], .limitsOnly)?.room == 3700)
  }
}
