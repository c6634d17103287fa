import Glibc
import HTTPServer
import Synchronization

/// An emulated cluster on a port of this machine, with its clock running.
public final class ClusterEmulator: Sendable {
  public let cluster: EmulatedCluster
  private let server: Server
  private let isStopped = Atomic<Bool>(false)
  private let clock = Mutex<ClockThread?>(nil)

  private struct ClockThread: @unchecked Sendable { let thread: pthread_t }

  public var port: Int { server.port }
  /// Where clients find it: `http://127.0.0.1:40123`.
  public var url: String {
    let host =
      server.configuration.address.contains(":") ? "[\(server.configuration.address)]" : server.configuration.address
    return "\(server.configuration.tls == nil ? "http" : "https")://\(host):\(port)"
  }

  /// - Throws: `ServerError` when the port cannot be had, `SimulationError` when the simulated pods are not possible.
  public init(_ configuration: EmulatorConfiguration, server settings: Server.Configuration) throws {
    let cluster = try EmulatedCluster(configuration)
    self.cluster = cluster
    server = try Server(settings) { request in cluster.answer(request) }
    let context = Unmanaged.passRetained(Tick(self)).toOpaque()
    var thread = pthread_t()
    if pthread_create(&thread, nil, keepTime, context) == 0 {
      let started = ClockThread(thread: thread)
      clock.withLock { $0 = started }
    } else {
      Unmanaged<Tick>.fromOpaque(context).release()
    }
  }

  /// Ends watches, requests and the clock.
  public func stop() {
    isStopped.store(true, ordering: .relaxed)
    let thread = clock.withLock { clock -> ClockThread? in
      defer { clock = nil }
      return clock
    }
    if let thread { pthread_join(thread.thread, nil) }
    server.stop()
  }

  deinit { stop() }

  /// Holds the emulator weakly: one that nobody needs any more stops.
  fileprivate final class Tick {
    let cluster: EmulatedCluster
    weak var emulator: ClusterEmulator?

    init(_ emulator: ClusterEmulator) {
      cluster = emulator.cluster
      self.emulator = emulator
    }

    var isWanted: Bool { emulator.map { !$0.isStopped.load(ordering: .relaxed) } ?? false }
  }
}

/// Real time: what is due in the cluster, never later than a few milliseconds after it is.
private func keepTime(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  let tick = Unmanaged<ClusterEmulator.Tick>.fromOpaque(context).takeRetainedValue()
  while tick.isWanted {
    var wait = tick.cluster.tendWatches()
    if tick.cluster.configuration.clock == .real { wait = min(wait, tick.cluster.catchUp()) }
    // A patch may make something due that was not when this was computed.
    usleep(UInt32(min(max(wait, 0.001), 0.005) * 1e6))
  }
  return nil
}
