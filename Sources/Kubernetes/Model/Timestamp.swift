import Glibc

/// A point in time to the nanosecond, as the API, the kubelet and cAdvisor write it (RFC 3339). Differences are exact.
public struct Timestamp: Sendable, Hashable, Comparable {
  /// Since 1970-01-01T00:00:00Z.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) {
    self.nanoseconds = nanoseconds
  }

  /// Seconds since 1970; capped to what fits, 0 for a NaN.
  public init(seconds: Double) {
    let scaled = seconds * 1e9
    nanoseconds = scaled.isNaN ? 0 : scaled >= 0x1p63 ? .max : scaled < -0x1p63 ? .min : Int64(scaled)
  }

  public static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Seconds since 1970, to the precision of a `Double` (a quarter of a microsecond in this century).
  public var seconds: Double { Double(nanoseconds) / 1e9 }

  /// Exact seconds from `earlier` to this time.
  public func seconds(since earlier: Timestamp) -> Double {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return overflow ? seconds - earlier.seconds : Double(difference) / 1e9
  }

  public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
}

// MARK: RFC 3339

extension Timestamp {
  /// Reads `2026-11-23T22:13:31.123456789Z` or with an offset such as `+01:00`; years 1678…2261. nil for anything else.
  /// Digits beyond the ninth of a fraction are cut.
  public init?(_ text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 64 else { return nil }
    func number(_ start: Int, _ count: Int) -> Int64? {
      var value: Int64 = 0
      for place in start..<(start + count) {
        guard place < bytes.count, bytes[place] >= 48, bytes[place] <= 57 else { return nil }
        value = value * 10 + Int64(bytes[place] - 48)
      }
      return value
    }
    guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
      let minute = number(14, 2), let second = number(17, 2), bytes[4] == 45, bytes[7] == 45,
      bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"), bytes[13] == 58, bytes[16] == 58,
      (1678...2261).contains(year), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60,
      second <= 60
    else { return nil }
    var place = 19
    var fraction: Int64 = 0
    if bytes[place] == UInt8(ascii: ".") {
      place += 1
      let start = place
      var unit: Int64 = 100_000_000
      while place < bytes.count, bytes[place] >= 48, bytes[place] <= 57 {
        fraction += Int64(bytes[place] - 48) * unit
        unit /= 10
        place += 1
      }
      guard place > start else { return nil }
    }
    var offset: Int64 = 0
    guard place < bytes.count else { return nil }
    switch bytes[place] {
    case UInt8(ascii: "Z"), UInt8(ascii: "z"):
      guard place + 1 == bytes.count else { return nil }
    case UInt8(ascii: "+"), UInt8(ascii: "-"):
      guard place + 6 == bytes.count, bytes[place + 3] == 58, let hours = number(place + 1, 2),
        let minutes = number(place + 4, 2), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 60 + minutes) * (bytes[place] == UInt8(ascii: "+") ? 60 : -60)
    default: return nil
    }
    let seconds = Self.days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    nanoseconds = seconds * 1_000_000_000 + fraction
  }

  /// Days from 1970-01-01 in the Gregorian calendar, by counting years from March so that leap days come last.
  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = y / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// As the API's `Time`: whole seconds.
  public var text: String { written(digits: 0) }

  /// As the API's `MicroTime`, which refuses any other number of digits.
  public var microText: String { written(digits: 6) }

  /// As cAdvisor writes it.
  public var nanoText: String { written(digits: 9) }

  private func written(digits: Int) -> String {
    let floorSeconds = nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds + 1) / 1_000_000_000 - 1
    let fraction = nanoseconds &- floorSeconds &* 1_000_000_000
    var seconds = time_t(floorSeconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ value: some BinaryInteger, _ width: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    var text = padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1, 2) + "-" + padded(parts.tm_mday, 2)
    text += "T" + padded(parts.tm_hour, 2) + ":" + padded(parts.tm_min, 2) + ":" + padded(parts.tm_sec, 2)
    if digits > 0 { text += "." + padded(fraction, 9).prefix(digits) }
    return text + "Z"
  }
}

extension Timestamp: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let time = Timestamp(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text.prefix(40))' is not an RFC 3339 time")
    }
    self = time
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(nanoseconds % 1_000_000_000 == 0 ? text : nanoseconds % 1000 == 0 ? microText : nanoText)
  }
}
