import Autoscaling
import RandomStreams
import Testing

@testable import PodSimulation

@Suite("CPU used per CFS period")
struct PeriodUsageTests {
  @Test("periods add up to the seconds' usage, and recording them changes nothing", arguments: 0..<40)
  func periodsAddUp(seed: UInt64) throws {
    var random = RandomStream(seed: seed, purpose: "periods")
    let parameters = randomParameters(&random)
    let sharedCores: Double? = random.below(2) == 0 ? nil : 1
    var configuration = PodClusterConfiguration(
      pods: [parameters, parameters], clusters: 2, seed: seed, sharedCores: sharedCores)
    let plain = try PodCluster(configuration)
    configuration.recordsPeriods = true
    let recording = try PodCluster(configuration)
    var ofPeriods = 0.0
    var ofSeconds = 0.0
    let rates = (0..<4).map { _ in Float(random.below(60)) }
    for _ in 0..<20 {
      plain.advance(rates: rates)
      recording.advance(rates: rates)
      #expect(plain.second(pod: 1, cluster: 1) == recording.second(pod: 1, cluster: 1))
      #expect(plain.sample(pod: 1, cluster: 1).periodUsage == nil)
      let second = recording.second(pod: 1, cluster: 1)
      let periods = try #require(recording.sample(pod: 1, cluster: 1).periodUsage)
      #expect((9...11).contains(periods.count))
      #expect(periods.throttled == second.throttledPeriods)
      for place in 0..<periods.count { ofPeriods += Double(periods.values[place]) * 0.1 }
      ofSeconds += second.usage
      // The period that has not ended yet.
      #expect(abs(ofPeriods - ofSeconds) <= 100 * parameters.cores + 0.1)
    }
  }

  @Test("an overloaded pod uses its limit in every period")
  func overload() throws {
    var parameters = PodParameters()
    parameters.limit = 300
    parameters.phase = 0
    parameters.baseUsage = 20
    var configuration = PodClusterConfiguration(pods: [parameters])
    configuration.recordsPeriods = true
    let simulated = try PodCluster(configuration)
    for _ in 0..<5 { simulated.advance(rates: [100]) }
    let periods = try #require(simulated.sample(pod: 0, cluster: 0).periodUsage)
    #expect(periods.throttled == periods.count && periods.count == 10)
    for place in 0..<periods.count { #expect(abs(periods.values[place] - 300) < 0.01) }
  }

  @Test("metrics that are read too rarely tell no periods")
  func laggingMetrics() throws {
    var configuration = PodClusterConfiguration(pods: [PodParameters()])
    configuration.recordsPeriods = true
    configuration.metrics = MetricLag(interval: .init(5, 5))
    let simulated = try PodCluster(configuration)
    for _ in 0..<12 { simulated.advance(rates: [20]) }
    #expect(simulated.sample(pod: 0, cluster: 0).periodUsage == nil)
  }

  @Test("more periods than can be told apart leave the newest")
  func capacity() {
    var periods = PeriodUsage()
    for usage in 0..<20 { periods.append(Float(usage)) }
    #expect(periods.count == 16)
    #expect((0..<16).map { periods.values[$0] } == (4..<20).map(Float.init))
  }
}
