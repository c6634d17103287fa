import Glibc

/// A file of comma-separated numbers with a header line, read strictly: every refusal is one sentence with the file's name
/// and the row (the header is row 1). Fields are not quoted.
struct CSVFile {
  let path: String
  let columns: [String]
  private let bytes: [UInt8]
  private let firstRow: Int

  init(path: String) throws {
    let bytes = try readFile(path)
    try self.init(path: path, bytes: bytes)
  }

  init(path: String, bytes: [UInt8]) throws {
    self.path = path
    self.bytes = bytes
    let header = bytes.prefix { $0 != 10 }
    firstRow = min(header.count + 1, bytes.count)
    guard let text = String(validating: header, as: UTF8.self), text.contains(where: { !$0.isWhitespace }) else {
      throw SimulationError("\(path) has no header line, expected a file of comma-separated values")
    }
    let plain = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
    columns = plain.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.filter { !$0.isWhitespace && !$0.isNewline })
    }
  }

  /// The place of a column.
  /// - Throws: when the header does not have it.
  func column(_ name: String) throws -> Int {
    guard let index = columns.firstIndex(of: name) else {
      throw SimulationError("\(path) has no column '\(name)', expected it among: \(columns.joined(separator: ","))")
    }
    return index
  }

  /// Calls `body` with every row, in order; rows must have as many fields as the header. An empty last line is no row.
  func forEachRow(_ body: (Row) throws -> Void) throws {
    try bytes.withUnsafeBufferPointer { bytes in
      var fields: [Range<Int>] = []
      fields.reserveCapacity(columns.count)
      var start = firstRow
      var number = 2
      while start < bytes.count {
        fields.removeAll(keepingCapacity: true)
        var field = start
        var end = start
        while end < bytes.count && bytes[end] != 10 {
          if bytes[end] == 44 {
            fields.append(field..<end)
            field = end + 1
          }
          end += 1
        }
        let last = end > field && bytes[end - 1] == 13 ? end - 1 : end
        fields.append(field..<last)
        guard fields.count == columns.count else {
          throw SimulationError("\(path) row \(number) has \(fields.count) fields, expected \(columns.count)")
        }
        try body(Row(file: self, bytes: bytes, fields: fields, number: number))
        start = end + 1
        number += 1
      }
    }
  }

  /// One row, valid during `forEachRow`'s call only.
  struct Row {
    let file: CSVFile
    let bytes: UnsafeBufferPointer<UInt8>
    let fields: [Range<Int>]
    let number: Int

    func text(_ column: Int) -> String { String(decoding: bytes[fields[column]], as: UTF8.self) }

    /// A finite number ≥ `minimum`.
    func number(_ column: Int, atLeast minimum: Double = -Double.greatestFiniteMagnitude) throws -> Double {
      guard let value = plainNumber(fields[column]) ?? Double(text(column)), value.isFinite else {
        throw refusal(column, expected: "a finite number")
      }
      guard value >= minimum else { throw refusal(column, expected: "a number ≥ \(minimum)") }
      return value
    }

    /// A number in `range`: in other units it would lie outside.
    func number(_ column: Int, in range: ClosedRange<Double>) throws -> Double {
      let value = try number(column)
      guard range.contains(value) else {
        throw refusal(column, expected: "a number in \(range.lowerBound)…\(range.upperBound)")
      }
      return value
    }

    /// A whole number in `range`.
    func integer(_ column: Int, in range: ClosedRange<Int>) throws -> Int {
      let value = try number(column)
      guard let whole = Int(exactly: value), range.contains(whole) else {
        throw refusal(column, expected: "a whole number in \(range.lowerBound)…\(range.upperBound)")
      }
      return whole
    }

    func isEmpty(_ column: Int) -> Bool { fields[column].isEmpty }

    func refusal(_ column: Int, expected: String) -> SimulationError {
      SimulationError("\(file.path) row \(number): \(file.columns[column]) is '\(text(column))', expected \(expected)")
    }

    /// Digits with at most one point, up to 15 of them: exact, and all that the files normally hold.
    private func plainNumber(_ range: Range<Int>) -> Double? {
      var mantissa = 0
      var digits = 0
      var scale = 1.0
      var seenPoint = false
      for index in range {
        switch bytes[index] {
        case let byte where byte >= 48 && byte <= 57:
          mantissa = mantissa * 10 + Int(byte - 48)
          digits += 1
          if digits > 15 { return nil }
          if seenPoint { scale *= 10 }
        case 46 where !seenPoint: seenPoint = true
        default: return nil
        }
      }
      return digits > 0 ? Double(mantissa) / scale : nil
    }
  }
}

/// The bytes of a file.
/// - Throws: a sentence with the system's reason, or when the file is larger than 1 GB.
func readFile(_ path: String) throws -> [UInt8] {
  let file = open(path, O_RDONLY)
  guard file >= 0 else {
    throw SimulationError("cannot open \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(file) }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &buffer, buffer.count)
    if count == 0 { return bytes }
    guard count > 0 else { throw SimulationError("cannot read \(path): \(String(cString: strerror(errno)))") }
    bytes.append(contentsOf: buffer[0..<count])
    guard bytes.count <= 1 << 30 else { throw SimulationError("\(path) is larger than 1 GB, expected a smaller file") }
  }
}

func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
