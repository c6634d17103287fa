import HTTPServer
import Synchronization

/// Server-sent events to whoever listens. An event is encoded once for all; a listener that reads too slowly is cut off and may
/// come again.
public final class EventHub: Sendable {
  private struct State {
    var streams: [ObjectIdentifier: ResponseStream] = [:]
  }

  private let state = Mutex(State())
  /// Streams at the same time.
  static let listenersMaximum = 200

  /// A stream that begins with an event; nil when too many listen already.
  func open(_ name: String, _ data: [UInt8]) -> ResponseStream? {
    let stream = ResponseStream(bytesMaximum: 8 << 20)
    let isTaken = state.withLock { state in
      guard state.streams.count < Self.listenersMaximum else { return false }
      state.streams[ObjectIdentifier(stream)] = stream
      return true
    }
    guard isTaken else { return nil }
    stream.onClose { [weak self, id = ObjectIdentifier(stream)] in
      self?.state.withLock { _ = $0.streams.removeValue(forKey: id) }
    }
    stream.write(Array("retry: 1000\n\n".utf8) + Self.event(name, data))
    return stream
  }

  var count: Int { state.withLock { $0.streams.count } }

  /// - Parameter data: made only if somebody listens.
  func send(_ name: String, _ data: () -> [UInt8]) {
    let streams = state.withLock { Array($0.streams.values) }
    guard !streams.isEmpty else { return }
    let event = Self.event(name, data())
    for stream in streams where !stream.write(event) { forget(stream) }
  }

  /// Keeps connections alive through whatever stands between.
  func sendComment() {
    let streams = state.withLock { Array($0.streams.values) }
    for stream in streams where !stream.write([UInt8(ascii: ":"), 10, 10]) { forget(stream) }
  }

  func finish() {
    for stream in state.withLock({ Array($0.streams.values) }) { stream.finish() }
  }

  private func forget(_ stream: ResponseStream) {
    stream.abort()
    state.withLock { _ = $0.streams.removeValue(forKey: ObjectIdentifier(stream)) }
  }

  private static func event(_ name: String, _ data: [UInt8]) -> [UInt8] {
    Array("event: \(name)\ndata: ".utf8) + data + [10, 10]
  }
}
