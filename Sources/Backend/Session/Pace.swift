import Glibc

/// Clocks and pauses of this room.
enum Pace {
  /// Seconds on a clock that never goes back.
  static func monotonic() -> Double { time(CLOCK_MONOTONIC) }
  /// Seconds since 1970.
  static func wall() -> Double { time(CLOCK_REALTIME) }

  private static func time(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  static func rest(_ seconds: Double) { usleep(UInt32(min(max(seconds, 0), 60) * 1e6)) }
}

/// How long rounds took, in the buckets of a Prometheus histogram.
struct TickCounts: Sendable {
  /// Upper ends, seconds.
  static let ends = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
  private(set) var counts = Array(repeating: 0, count: ends.count)
  private(set) var count = 0
  private(set) var sum = 0.0

  mutating func add(_ seconds: Double) {
    count += 1
    sum += seconds
    for (place, end) in Self.ends.enumerated() where seconds <= end { counts[place] += 1 }
  }
}
