import CMarlise
import Glibc

/// What computes the matrix products of a network, forward and backward.
///
/// The environment variable `MARLISE_KERNELS` chooses once per process; a network keeps what was current when it was made.
/// Everything that makes agents or policies calls `prepare` first and so reports a wrong choice.
public enum Kernels: String, Sendable, CaseIterable {
  /// This project's own: bits that depend on neither the batch, nor the threads, nor the width of the vector instructions.
  case own
  /// OpenBLAS on one thread: to compare with, and for layers of more than about 256 outputs. A row's bits may depend
  /// on the rows beside it, and so on the number of threads.
  case blas

  /// The environment variable that chooses.
  public static let variable = "MARLISE_KERNELS"
  static let library = "libopenblas.so.0"

  private static let chosen = Result { try choice(getenv(variable).map { String(cString: $0) }) }
  @TaskLocal private static var preferred: Kernels?

  /// What networks made now compute with.
  public static var current: Kernels { preferred ?? (try? chosen.get()) ?? .own }

  /// Which kernels run and on what: "own, AVX2", "OpenBLAS Zen". For the metadata of what was computed with them.
  public static var name: String { current.name }

  public var name: String {
    switch self {
    case .own: "own, " + String(cString: marlise_vectors())
    case .blas: "OpenBLAS " + String(cString: marlise_blas_core())
    }
  }

  /// Loads what the environment asks for.
  ///
  /// - Throws: `KernelError`.
  public static func prepare() throws { _ = try chosen.get() }

  /// Networks made in `body` compute with these kernels, whatever the environment says.
  ///
  /// - Throws: `KernelError` when they cannot be loaded; what `body` throws.
  public static func using<Value>(_ kernels: Kernels, _ body: () throws -> Value) throws -> Value {
    try kernels.load()
    return try $preferred.withValue(kernels, operation: body)
  }

  static func choice(_ text: String?) throws -> Kernels {
    guard let text, !text.isEmpty else { return .own }
    guard let kernels = Kernels(rawValue: text) else { throw KernelError.unknown(text) }
    try kernels.load()
    return kernels
  }

  func load(_ library: String = Kernels.library) throws {
    if self == .own { return }
    if let reason = marlise_blas_load(library) { throw KernelError.notLoaded(reason: String(cString: reason)) }
  }
}

/// Kernels that cannot be had.
public enum KernelError: Error, CustomStringConvertible, Sendable, Equatable {
  case unknown(String)
  case notLoaded(reason: String)

  public var description: String {
    switch self {
    case .unknown(let text):
      "the environment variable \(Kernels.variable) is '\(text)', expected "
        + Kernels.allCases.map(\.rawValue).joined(separator: " or ")
    case .notLoaded(let reason):
      "OpenBLAS cannot be loaded (\(reason)); install it, or set \(Kernels.variable) to \(Kernels.own.rawValue)"
    }
  }
}
