import FoundationEssentials
import Glibc

/// Reads the Prometheus text format, one pass over the bytes. Only the wanted metrics' labels and values are looked at.
public enum Exposition {
  /// One sample; valid only inside the call that hands it out.
  public struct Line {
    /// Which of the wanted metrics.
    public let metric: Int
    /// Between the braces, as it is written.
    let labels: UnsafeBufferPointer<UInt8>
    public let value: Double
    /// The sample's own time, where the exporter gives one.
    public let time: Timestamp?

    /// A label's value; nil when it is not there.
    public func label(_ name: StaticString) -> String? {
      var place = 0
      let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
      while place < labels.count {
        while place < labels.count, labels[place] == 44 || labels[place] == 32 { place += 1 }
        let start = place
        while place < labels.count, labels[place] != 61 { place += 1 }
        let isWanted = Exposition.equal(labels, start, place - start, wanted)
        place += 2  // ="
        let value = place
        var hasEscapes = false
        while place < labels.count, labels[place] != 34 {
          if labels[place] == 92 {
            hasEscapes = true
            place += 1
          }
          place += 1
        }
        guard place < labels.count, value <= place else { return nil }
        if isWanted {
          let text = UnsafeBufferPointer(rebasing: labels[value..<place])
          return hasEscapes ? Self.unescaped(text) : String(decoding: text, as: UTF8.self)
        }
        place += 1
      }
      return nil
    }

    private static func unescaped(_ text: UnsafeBufferPointer<UInt8>) -> String {
      var bytes: [UInt8] = []
      var isEscaped = false
      for byte in text {
        if isEscaped {
          bytes.append(byte == 110 ? 10 : byte)
          isEscaped = false
        } else if byte == 92 {
          isEscaped = true
        } else {
          bytes.append(byte)
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Calls `body` for each sample of the wanted metrics.
  ///
  /// - Returns: how many lines of wanted metrics could not be read.
  @discardableResult
  public static func forEachSample(in text: Data, of metrics: [StaticString], body: (Line) -> Void) -> Int {
    let names = metrics.map { UnsafeBufferPointer(start: $0.utf8Start, count: $0.utf8CodeUnitCount) }
    var unreadable = 0
    text.withUnsafeBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      guard let base = bytes.baseAddress else { return }
      var start = 0
      while start < bytes.count {
        // Every line ends with a line feed; what does not has been cut off, perhaps within its number.
        guard let feed = memchr(base + start, 10, bytes.count - start) else {
          if wanted(bytes, start, bytes.count, names) != nil { unreadable += 1 }
          break
        }
        let end = UnsafeRawPointer(base).distance(to: feed)
        if bytes[start] != 35, end > start, let metric = wanted(bytes, start, end, names) {
          let line = UnsafeBufferPointer(rebasing: bytes[(start + names[metric].count)..<end])
          if let sample = parse(line, metric) { body(sample) } else { unreadable += 1 }
        }
        start = end + 1
      }
    }
    return unreadable
  }

  /// Which wanted name the line begins with, ended by a brace or a blank.
  private static func wanted(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ names: [UnsafeBufferPointer<UInt8>]
  ) -> Int? {
    for (index, name) in names.enumerated() {
      let after = start + name.count
      if after < end, bytes[after] == 123 || bytes[after] == 32 || bytes[after] == 9,
        equal(bytes, start, name.count, name)
      {
        return index
      }
    }
    return nil
  }

  fileprivate static func equal(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ count: Int, _ name: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    guard count == name.count, let a = bytes.baseAddress, let b = name.baseAddress else { return false }
    return memcmp(a + start, b, count) == 0
  }

  /// What follows the name: `{labels} value [milliseconds]`.
  private static func parse(_ line: UnsafeBufferPointer<UInt8>, _ metric: Int) -> Line? {
    var place = 0
    var labels = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    if line.first == 123 {
      place = 1
      var isQuoted = false
      while place < line.count, isQuoted || line[place] != 125 {
        if line[place] == 92 {
          place += 1
        } else if line[place] == 34 {
          isQuoted.toggle()
        }
        place += 1
      }
      guard place < line.count else { return nil }
      labels = UnsafeBufferPointer(rebasing: line[1..<place])
      place += 1
    }
    guard let value = token(line, &place).flatMap(Double.init) else { return nil }
    guard let stamp = token(line, &place) else { return Line(metric: metric, labels: labels, value: value, time: nil) }
    guard let milliseconds = Int64(stamp),
      case let (nanoseconds, false) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
    else { return nil }
    return Line(metric: metric, labels: labels, value: value, time: Timestamp(nanoseconds: nanoseconds))
  }

  private static func token(_ line: UnsafeBufferPointer<UInt8>, _ place: inout Int) -> String? {
    while place < line.count, line[place] == 32 || line[place] == 9 { place += 1 }
    let start = place
    while place < line.count, line[place] != 32, line[place] != 9, line[place] != 13 { place += 1 }
    if place == start { return nil }
    return String(decoding: UnsafeBufferPointer(rebasing: line[start..<place]), as: UTF8.self)
  }
}
