import Autoscaling
import Foundation
import Kubernetes
import PodSimulation
import Testing

@testable import ClusterEmulator

@Suite("Same decisions")
struct SameDecisionsTests {
  /// A rule that depends on everything a sample holds. Counters on the wire are whole nanoseconds, so its factors are such
  /// that no usage of whole millicores lies on the edge between two limits.
  private func next(_ sample: PodSample) -> Millicores {
    let wish = sample.usage * 1.29731 + 117.13 * sample.throttledFraction
    return min(max(Int((wish / 10).rounded()) * 10, 50), 900)
  }

  @Test(
    "a loop over the API, its cAdvisor and its resizes gets the limits of the rollout in this process, bit for bit",
    arguments: [(1, 0.0), (2, 0.0), (3, 0.7)])
  func rollout(seed: UInt64, latency: Double) throws {
    let (pods, seconds) = (3, 200)
    let templates = EmulatorConfiguration.pods(pods, named: "demo", nodes: 1, limit: 330, request: 50)
    var configuration = try Emulated.configuration(pods: templates, limit: 330, seed: seed)
    configuration.workload = try Workload(WorkloadSettings("bursty", mean: 20, minimum: 1))
    configuration.simulation.resizeLatency = .init(min(0.1, latency), latency)
    let emulated = try EmulatedCluster(configuration)

    let direct = try PodCluster(configuration.simulation)
    direct.reset(episode: 0)
    let load = EpisodeLoad(pods: pods, clusters: 1, seconds: 3600)
    load.draw(configuration.workload, for: direct)
    var before: [String: ContainerCounters] = [:]
    for second in 0..<seconds {
      direct.advance(rates: load[second])
      emulated.step()
      let limits = (0..<pods).map { direct.limit(ofPod: $0, cluster: 0) }
      #expect(emulated.limits == limits, "second \(second)")
      guard emulated.limits == limits else { return }
      let body = try emulated.send("GET", "/api/v1.3/subcontainers/kubepods/").text
      let history = try CadvisorAPI.history(Data(body.utf8))
      for pod in 0..<pods {
        let object = try emulated.send("GET", "/api/v1/namespaces/default/pods/demo-\(pod)").json
        let id = object.at("status", "containerStatuses")?.items.first?["containerID"]?.text ?? ""
        let newest = try #require(history[String(id.dropFirst("containerd://".count))]?.last)
        let old =
          before[id]
          ?? ContainerCounters(time: Timestamp(nanoseconds: newest.time.nanoseconds - 1_000_000_000), cpuNanoseconds: 0)
        before[id] = newest
        var sample = direct.sample(pod: pod, cluster: 0)
        let expected = next(sample)
        let periods = (newest.periods ?? 0) - (old.periods ?? 0)
        sample.usage =
          Double(newest.cpuNanoseconds - old.cpuNanoseconds)
          / Double(newest.time.nanoseconds - old.time.nanoseconds) * 1000
        sample.throttledFraction =
          periods > 0 ? Double((newest.throttledPeriods ?? 0) - (old.throttledPeriods ?? 0)) / Double(periods) : 0
        let wanted = next(sample)
        #expect(wanted == expected)
        if expected != limits[pod] { direct.resize(expected, ofPod: pod, cluster: 0) }
        if wanted != limits[pod] {
          let answer = try emulated.send(
            "PATCH", "/api/v1/namespaces/default/pods/demo-\(pod)/resize",
            resizeBody("demo", cpu: ("\(wanted)m", nil)))
          #expect(answer.status == 200)
        }
      }
    }
  }
}
