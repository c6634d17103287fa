import Autoscaling

extension SafetyShield {
  /// Lets the shield wait as long as simulated metrics and resizes take: a sample is not stale between two readings, nor a
  /// resize lost before a reading can show it.
  public mutating func allow(for metrics: MetricLag, resizeLatency: Randomization.Range) {
    let reading = metrics.interval.to + metrics.delay.to
    sampleAgeMaximum = max(sampleAgeMaximum, reading + 2)
    settlementTimeout = max(settlementTimeout, 2 * reading + resizeLatency.to + 2)
  }
}
