import Control
import Testing

@Suite("Latency histogram")
struct LatencyHistogramTests {
  @Test(
    "a quantile is at most 2.4 % above the latency that it stands for", arguments: [1e-6, 3.3e-4, 0.0447, 0.049, 7.1])
  func quantile(latency: Double) throws {
    var histogram = LatencyHistogram()
    for _ in 0..<98 { histogram.add(latency / 2) }
    for _ in 0..<2 { histogram.add(latency) }
    let p99 = try #require(histogram.quantile(0.99))
    #expect(p99 >= latency * 0.999_999 && p99 <= latency * 1.024)
    #expect(histogram.count == 100 && histogram.maximum == latency)
  }

  @Test("of nothing there is no quantile")
  func empty() {
    #expect(LatencyHistogram().quantile(0.5) == nil)
  }
}
