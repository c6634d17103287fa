import CMicroHTTPD
import Synchronization

/// A body that is written while it is sent: a watch, server-sent events. Any thread may write; writing never waits.
///
/// A client that reads too slowly is cut off once `bytesMaximum` lie in wait for it.
public final class ResponseStream: Sendable {
  private struct State {
    /// What waits to be sent; the first one's first `sent` bytes are gone.
    var chunks: [[UInt8]] = []
    var first = 0
    var sent = 0
    var bytes = 0
    var isFinished = false
    var isBroken = false
    var isClosed = false
    var connection: SuspendedConnection?
    var onClose: (@Sendable () -> Void)?

    mutating func wake() {
      connection?.resume()
      connection = nil
    }
  }

  private let state = Mutex(State())
  public let bytesMaximum: Int

  public init(bytesMaximum: Int = 16 << 20) {
    self.bytesMaximum = bytesMaximum
  }

  /// Called once when nobody reads any more, whoever ended it; at once if that is so already.
  public func onClose(_ action: @escaping @Sendable () -> Void) {
    let isClosed = state.withLock { state in
      if !state.isClosed { state.onClose = action }
      return state.isClosed
    }
    if isClosed { action() }
  }

  /// - Returns: false when the stream is finished, broken, or its client gone: stop writing.
  @discardableResult
  public func write(_ bytes: [UInt8]) -> Bool {
    guard !bytes.isEmpty else { return isOpen }
    return state.withLock { state in
      guard !state.isFinished, !state.isClosed, !state.isBroken else { return false }
      guard state.bytes + bytes.count <= bytesMaximum else {
        state.isBroken = true
        state.wake()
        return false
      }
      state.chunks.append(bytes)
      state.bytes += bytes.count
      state.wake()
      return true
    }
  }

  /// Ends the body in good order after what has been written.
  public func finish() {
    state.withLock { state in
      state.isFinished = true
      state.wake()
    }
  }

  /// Ends it in the middle: the client sees a broken connection.
  public func abort() {
    state.withLock { state in
      state.isBroken = true
      state.wake()
    }
  }

  public var isOpen: Bool { state.withLock { !$0.isFinished && !$0.isClosed && !$0.isBroken } }

  /// Takes out what waits to be sent: for whoever reads a stream without a server.
  public func waiting() -> [UInt8] {
    state.withLock { state in
      var bytes: [UInt8] = []
      for (place, chunk) in state.chunks.enumerated().dropFirst(state.first) {
        bytes += place == state.first ? chunk.dropFirst(state.sent) : chunk[...]
      }
      state.chunks = []
      (state.first, state.sent, state.bytes) = (0, 0, 0)
      return bytes
    }
  }

  // MARK: The server's side

  enum Piece {
    case bytes(Int)
    case nothingYet
    case end
    case broken
  }

  /// Copies what waits into `buffer`; lets the connection rest when nothing does.
  func read(into buffer: UnsafeMutableRawBufferPointer, _ connection: SuspendedConnection) -> Piece {
    state.withLock { state in
      if state.isBroken { return .broken }
      var count = 0
      while count < buffer.count, state.first < state.chunks.count {
        let left = state.chunks[state.first].count - state.sent
        let taken = min(left, buffer.count - count)
        state.chunks[state.first].withUnsafeBytes { source in
          UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: source[state.sent..<(state.sent + taken)]))
        }
        count += taken
        state.sent += taken
        if taken == left {
          state.chunks[state.first] = []
          state.first += 1
          state.sent = 0
        }
      }
      state.bytes -= count
      if state.first == state.chunks.count {
        state.chunks.removeAll(keepingCapacity: state.chunks.count < 64)
        state.first = 0
      } else if state.first > 256 {
        state.chunks.removeFirst(state.first)
        state.first = 0
      }
      if count > 0 { return .bytes(count) }
      if state.isFinished { return .end }
      connection.suspend()
      state.connection = connection
      return .nothingYet
    }
  }

  func close() {
    let action = state.withLock { state in
      state.isClosed = true
      state.connection = nil
      state.chunks = []
      let action = state.onClose
      state.onClose = nil
      return action
    }
    action?()
  }
}

/// A connection that rests, and the one who may wake it. libmicrohttpd keeps a resting connection alive, so the pointer
/// stays valid until `resume`.
struct SuspendedConnection: @unchecked Sendable {
  let pointer: OpaquePointer

  func suspend() { MHD_suspend_connection(pointer) }
  func resume() { MHD_resume_connection(pointer) }
}
