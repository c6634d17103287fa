/// A text that is not a Kubernetes quantity.
public struct QuantityError: Error, CustomStringConvertible, Sendable, Equatable {
  public var text: String

  public var description: String {
    "'\(text.prefix(40))' is not a quantity: expected a number with an optional suffix, such as 250m, 0.25, 2.5e-1, 128Mi"
  }
}

/// An amount of CPU or memory as Kubernetes writes it: `250m`, `0.25`, `2.5e-1`, `1500000u`, `128Mi`.
///
/// Held exactly, in billionths. As in the API server, finer values are rounded up (away from zero) and magnitudes above
/// 2⁶³ − 1 are capped; nothing traps. Two quantities are equal when their values are, however they were written.
///
/// - Source: k8s.io/apimachinery, resource.Quantity.
public struct Quantity: Sendable {
  /// How a quantity is written when it is printed again.
  public enum Notation: Sendable { case decimal, binary, exponent }

  /// The value · 10⁹.
  private let nano: Int128
  public let notation: Notation

  private static let nanoMaximum = Int128(Int64.max) * 1_000_000_000

  private init(nano: Int128, notation: Notation) {
    self.nano = nano
    self.notation = notation
  }

  /// CPU in thousandths of a core.
  public init(millicores: Int) {
    self.init(nano: Int128(millicores) * 1_000_000, notation: .decimal)
  }

  /// Memory in bytes, printed with a binary suffix where it divides evenly.
  public init(bytes: Int) {
    self.init(nano: Int128(bytes) * 1_000_000_000, notation: .binary)
  }

  /// Thousandths, rounded up and capped to `Int`: millicores for CPU.
  public var millicores: Int { roundedUp(unit: 1_000_000) }

  /// Whole units, rounded up and capped to `Int`: bytes for memory, cores for CPU.
  public var units: Int { roundedUp(unit: 1_000_000_000) }

  /// The nearest `Double`, in whole units.
  public var double: Double { Double(nano) / 1e9 }

  private func roundedUp(unit: Int128) -> Int {
    var (quotient, remainder) = nano.quotientAndRemainder(dividingBy: unit)
    if remainder > 0 { quotient += 1 }
    return Int(clamping: quotient)
  }
}

extension Quantity: Hashable, Comparable {
  public static func == (a: Quantity, b: Quantity) -> Bool { a.nano == b.nano }
  public static func < (a: Quantity, b: Quantity) -> Bool { a.nano < b.nano }
  public func hash(into hasher: inout Hasher) { hasher.combine(nano) }
}

// MARK: Text

extension Quantity {
  /// Significant digits that are read; further ones count as "a little more". Enough for 2⁶³ − 1, and with the largest
  /// binary suffix still inside 128 bits.
  private static let mantissaMaximum: Int128 = 10_000_000_000_000_000_000

  /// - Throws: `QuantityError` for anything but a whole quantity, blanks included.
  public init(_ text: String) throws(QuantityError) {
    let failure = QuantityError(text: text)
    var bytes = Array(text.utf8)[...]
    guard bytes.count <= 256 else { throw failure }
    let isNegative = bytes.first == UInt8(ascii: "-")
    if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }

    var mantissa: Int128 = 0
    var exponent = 0
    var hasDigits = false
    var hasMore = false
    var isFraction = false
    while let byte = bytes.first {
      if byte == UInt8(ascii: "."), !isFraction {
        isFraction = true
      } else if let digit = Self.digit(byte) {
        hasDigits = true
        if mantissa < Self.mantissaMaximum {
          mantissa = mantissa * 10 + Int128(digit)
          if isFraction { exponent -= 1 }
        } else {
          hasMore = hasMore || digit > 0
          if !isFraction { exponent += 1 }
        }
      } else {
        break
      }
      bytes.removeFirst()
    }
    guard hasDigits, let suffix = Self.suffix(bytes) else { throw failure }
    let value = Self.scale(
      mantissa << (10 * suffix.binaryPower), by: exponent + suffix.decimalPower + 9, hasMore: hasMore)
    self.init(nano: isNegative ? -value : value, notation: suffix.notation)
  }

  private static func digit(_ byte: UInt8) -> Int? {
    byte >= 48 && byte <= 57 ? Int(byte) - 48 : nil
  }

  /// `value` · 10^`power`, rounded up and capped.
  private static func scale(_ value: Int128, by power: Int, hasMore: Bool) -> Int128 {
    var value = value
    var isInexact = hasMore
    if power >= 0 {
      for _ in 0..<power where value != 0 {
        if value > nanoMaximum / 10 { return nanoMaximum }
        value *= 10
      }
      return min(value, nanoMaximum)
    }
    for _ in 0..<(-power) where value != 0 {
      let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
      isInexact = isInexact || remainder != 0
      value = quotient
    }
    return min(value + (isInexact ? 1 : 0), nanoMaximum)
  }

  private static func suffix(
    _ bytes: ArraySlice<UInt8>
  ) -> (decimalPower: Int, binaryPower: Int, notation: Notation)? {
    switch String(decoding: bytes, as: UTF8.self) {
    case "": return (0, 0, .decimal)
    case "n": return (-9, 0, .decimal)
    case "u": return (-6, 0, .decimal)
    case "m": return (-3, 0, .decimal)
    case "k": return (3, 0, .decimal)
    case "M": return (6, 0, .decimal)
    case "G": return (9, 0, .decimal)
    case "T": return (12, 0, .decimal)
    case "P": return (15, 0, .decimal)
    case "E": return (18, 0, .decimal)
    case "Ki": return (0, 1, .binary)
    case "Mi": return (0, 2, .binary)
    case "Gi": return (0, 3, .binary)
    case "Ti": return (0, 4, .binary)
    case "Pi": return (0, 5, .binary)
    case "Ei": return (0, 6, .binary)
    default: break
    }
    guard bytes.first == UInt8(ascii: "e") || bytes.first == UInt8(ascii: "E") else { return nil }
    var digits = bytes.dropFirst()
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    guard !digits.isEmpty else { return nil }
    var power = 0
    for byte in digits {
      guard let digit = digit(byte) else { return nil }
      power = min(power * 10 + digit, 10_000)
    }
    return (isNegative ? -power : power, 0, .exponent)
  }
}

extension Quantity: CustomStringConvertible {
  /// The canonical form: the largest suffix that leaves a whole number.
  public var description: String {
    if nano == 0 { return "0" }
    let unit: Int128 = 1_000_000_000
    if notation == .binary, nano.magnitude >= UInt128(1024 * unit), nano % unit == 0 {
      var value = nano / unit
      var power = 0
      while value % 1024 == 0, power < 6 {
        value /= 1024
        power += 1
      }
      return "\(value)" + ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]
    }
    var value = nano
    var power = 0
    while value % 1000 == 0, power < 9 {
      value /= 1000
      power += 1
    }
    if notation == .exponent { return power == 3 ? "\(value)" : "\(value)e\(power * 3 - 9)" }
    return "\(value)" + ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][power]
  }
}

extension Quantity: Codable {
  /// Reads a string, or a JSON number, which the API takes too.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text: String
    if let string = try? container.decode(String.self) {
      text = string
    } else if let whole = try? container.decode(Int64.self) {
      text = String(whole)
    } else {
      text = "\(try container.decode(Double.self))"
    }
    do throws(QuantityError) {
      try self.init(text)
    } catch {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
