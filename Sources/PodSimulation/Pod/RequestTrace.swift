/// Given requests, sent times and demands, instead of drawn ones: for replaying a measurement.
///
/// Immutable, so one trace may feed any number of pods and threads.
public final class RequestTrace: @unchecked Sendable {  // the buffers are written in init only
  public let count: Int
  /// Seconds since the episode began, ascending.
  let times: UnsafeMutablePointer<Double>
  /// CPU demand without the pod's per-request overhead, core-seconds.
  let demands: UnsafeMutablePointer<Double>

  /// - Throws: unless both lists are equally long, the times finite and ascending from 0, the demands finite and ≥ 0.
  public init(times: [Double], demands: [Double]) throws {
    guard times.count == demands.count else {
      throw SimulationError("a request trace has \(times.count) times but \(demands.count) demands, expected as many")
    }
    var last = 0.0
    for (index, time) in times.enumerated() {
      guard time.isFinite, time >= last else {
        throw SimulationError("request \(index) is sent at \(time) s, expected a finite time not before \(last) s")
      }
      let demand = demands[index]
      guard demand.isFinite, demand >= 0 else {
        throw SimulationError("request \(index) demands \(demand) core-seconds, expected a finite number ≥ 0")
      }
      last = time
    }
    count = times.count
    self.times = .allocate(capacity: max(count, 1))
    self.demands = .allocate(capacity: max(count, 1))
    for index in 0..<count {
      self.times[index] = times[index]
      self.demands[index] = demands[index]
    }
  }

  deinit {
    times.deallocate()
    demands.deallocate()
  }
}
