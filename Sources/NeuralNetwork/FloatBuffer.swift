import Glibc

/// A fixed number of floats on a cache-line boundary, zero at first. It owns the memory; whoever takes its `pointer` keeps
/// the buffer alive (a local variable does not live to the end of its scope: hold it in a property, or use
/// `withExtendedLifetime`). The hot loops work on the pointer.
public final class FloatBuffer: @unchecked Sendable {
  public let pointer: UnsafeMutablePointer<Float>
  public let count: Int
  /// Bytes of a large page, and from how many bytes on a buffer asks for such.
  private static let page = 2 << 20
  private static let large = 8 << 20

  public init(_ count: Int) {
    precondition(count >= 0, "a buffer of \(count) floats")
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: bytes < Self.large ? 64 : Self.page)
    // Where the system has larger pages, reading through many of them waits less. It is a wish; a refusal changes nothing.
    if bytes >= Self.large { _ = madvise(raw, bytes, MADV_HUGEPAGE) }
    pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  public func copy(from other: FloatBuffer) {
    precondition(count == other.count, "copy of \(other.count) floats into \(count)")
    pointer.update(from: other.pointer, count: count)
  }

  /// The contents as values, for checkpoints.
  public var values: [Float] {
    get { Array(UnsafeBufferPointer(start: pointer, count: count)) }
    set {
      precondition(newValue.count == count, "\(newValue.count) values for a buffer of \(count) floats")
      for (index, value) in newValue.enumerated() { pointer[index] = value }
    }
  }
}
