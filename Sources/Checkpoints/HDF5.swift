import CHDF5
import Synchronization

/// Entry to the HDF5 library: one caller at a time, no messages on standard error, no plugins.
enum HDF5 {
  private static let lock = Mutex(())

  /// Runs `body` as the only user of the library in this process.
  ///
  /// Debian's library has a lock of its own, around each call; this one is around a whole file, so that the error stack
  /// read after a failed call is that call's. `body` must not call `session` again.
  static func session<Result: Sendable>(_ body: () throws -> Result) throws -> Result {
    try lock.withLock { _ in
      H5open()
      // Both are per thread or per process and cost nothing. A file must not be able to make the library load code.
      H5Eset_auto2(hid_t(H5E_DEFAULT), nil, nil)
      H5PLset_loading_state(0)
      return try body()
    }
  }

  /// Version of the library in use, e.g. `"1.10.8"`.
  static var version: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  /// What the library says about the last failed call: its innermost message. Must be asked before any further call.
  static func lastMessage() -> String {
    var message = ""
    withUnsafeMutablePointer(to: &message) { pointer in
      _ = H5Ewalk2(hid_t(H5E_DEFAULT), H5E_WALK_UPWARD, keepFirstMessage, pointer)
    }
    return message.isEmpty ? "HDF5 gives no reason" : message
  }
}

private func keepFirstMessage(
  _ level: UInt32, _ error: UnsafePointer<H5E_error2_t>?, _ data: UnsafeMutableRawPointer?
) -> herr_t {
  guard level == 0, let text = error?.pointee.desc, let data else { return 0 }
  data.assumingMemoryBound(to: String.self).pointee = String(cString: text)
  return 0
}

/// An open HDF5 identifier; closed when it goes out of scope.
struct HDF5Handle: ~Copyable {
  let id: hid_t
  private let close: (hid_t) -> herr_t

  /// - Throws: `CheckpointError` with HDF5's own message when `id` says that the call failed.
  init(
    _ id: hid_t, close: @escaping (hid_t) -> herr_t, or action: @autoclosure () -> String, at place: HDF5Place
  ) throws {
    guard id >= 0 else { throw place.failure(action()) }
    self.id = id
    self.close = close
  }

  deinit { _ = close(id) }
}

/// Where in which file something is: for errors.
struct HDF5Place {
  let file: String
  let path: String

  func child(_ name: String) -> HDF5Place { HDF5Place(file: file, path: path == "/" ? "/" + name : path + "/" + name) }
  func attribute(_ name: String) -> HDF5Place { child("@" + name) }

  func error(_ reason: CheckpointError.Reason, _ explanation: String) -> CheckpointError {
    CheckpointError(reason, file: file, place: path, explanation)
  }

  /// Of a failed call; asks HDF5 for the reason, so it comes before any further call.
  func failure(_ action: String) -> CheckpointError {
    error(.damaged, "cannot be \(action): HDF5 says '\(HDF5.lastMessage())'")
  }

  func check(_ status: herr_t, _ action: @autoclosure () -> String) throws {
    if status < 0 { throw failure(action()) }
  }
}

/// The four element types that checkpoints hold, and their form in the file.
protocol HDF5Element: BitwiseCopyable, Sendable {
  static var fileType: hid_t { get }
  static var typeName: String { get }
  static var zero: Self { get }
}

extension Float: HDF5Element {
  static var fileType: hid_t { h5_float32() }
  static var typeName: String { "float32" }
}
extension Double: HDF5Element {
  static var fileType: hid_t { h5_float64() }
  static var typeName: String { "float64" }
}
extension Int64: HDF5Element {
  static var fileType: hid_t { h5_int64() }
  static var typeName: String { "int64" }
}
extension UInt64: HDF5Element {
  static var fileType: hid_t { h5_uint64() }
  static var typeName: String { "uint64" }
}
