/// Swift source without its comments and without the text of its strings; what is interpolated into a string is code and
/// stays. Line breaks stay, so that line numbers do.
enum SwiftCode {
  static func only(_ source: String) -> String {
    var reader = Reader(Array(source.unicodeScalars))
    reader.code(untilParenthesis: false)
    return reader.output
  }

  private struct Reader {
    let source: [Unicode.Scalar]
    var place = 0
    var output = ""

    init(_ source: [Unicode.Scalar]) { self.source = source }

    func peek(_ offset: Int = 0) -> Unicode.Scalar? {
      place + offset < source.count ? source[place + offset] : nil
    }

    func isNext(_ text: String) -> Bool {
      text.unicodeScalars.enumerated().allSatisfy { peek($0) == $1 }
    }

    mutating func keep() {
      output.unicodeScalars.append(source[place])
      place += 1
    }

    /// Passes over something that is no code.
    mutating func drop() {
      if source[place] == "\n" { output += "\n" }
      place += 1
    }

    mutating func code(untilParenthesis: Bool) {
      var depth = 0
      while let scalar = peek() {
        if isNext("//") {
          while let next = peek(), next != "\n" { drop() }
        } else if isNext("/*") {
          comment()
        } else if scalar == "\"" || scalar == "#" && isString() {
          string()
        } else {
          if scalar == "(" { depth += 1 }
          if scalar == ")" {
            if untilParenthesis, depth == 0 { return }
            depth -= 1
          }
          keep()
        }
      }
    }

    /// Block comments nest.
    mutating func comment() {
      var depth = 0
      repeat {
        if isNext("/*") {
          depth += 1
          drop()
        } else if isNext("*/") {
          depth -= 1
          drop()
        }
        drop()
      } while depth > 0 && peek() != nil
    }

    /// `#"` or `##"`, and not `#if`.
    func isString() -> Bool {
      var offset = 0
      while peek(offset) == "#" { offset += 1 }
      return peek(offset) == "\""
    }

    mutating func string() {
      var hashes = ""
      while peek() == "#" {
        hashes += "#"
        drop()
      }
      let quotes = isNext("\"\"\"") ? "\"\"\"" : "\""
      for _ in quotes { drop() }
      output += "\""
      while peek() != nil {
        if isNext(quotes + hashes) {
          for _ in 0..<(quotes.count + hashes.count) { drop() }
          break
        } else if isNext("\\" + hashes + "(") {
          for _ in 0..<(hashes.count + 2) { drop() }
          output += "("
          code(untilParenthesis: true)
          if peek() != nil { keep() }
        } else if isNext("\\" + hashes) {
          for _ in 0..<(hashes.count + 1) { drop() }
          if peek() != nil { drop() }
        } else {
          drop()
        }
      }
      output += "\""
    }
  }
}
