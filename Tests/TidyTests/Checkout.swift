import Foundation
import Testing

/// The text files of this checkout, by path from its root.
struct Checkout {
  struct File {
    let path: String
    let text: String
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    /// `Sources/Terminal/Text/Number.swift` is of the room `Terminal`.
    var room: String { String(path.split(separator: "/").dropFirst().first ?? "") }
  }

  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// Everything that people write; not what programs measure or build.
  static let files: [File] = {
    let extensions = ["swift", "c", "h", "md", "sh", "yaml", "yml", "json", "html", "js", "css", "modulemap"]
    var paths = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    paths = paths.filter { name in
      var isFolder: ObjCBool = false
      let path = root.appendingPathComponent(name).path
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
    }
    for folder in ["Sources", "Tests", "scripts", "docs", "configs", ".ci"] {
      let below = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
      while let path = below?.nextObject() as? String { paths.append(folder + "/" + path) }
    }
    return paths.sorted().compactMap { path in
      let suffix = path.split(separator: ".").last.map(String.init) ?? ""
      guard extensions.contains(suffix) || path == ".ci/run", !path.contains("/Goldens/") else { return nil }
      guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path) else { return nil }
      return File(path: path, text: String(decoding: data, as: UTF8.self))
    }
  }()

  static func files(under folder: String, ending: String = "") -> [File] {
    files.filter { $0.path.hasPrefix(folder) && $0.path.hasSuffix(ending) }
  }

  static func file(_ path: String) -> File? { files.first { $0.path == path } }

  /// `path:line: text` for every line of every file that the pattern finds.
  static func lines(
    of files: [File], matching pattern: String, in view: (File) -> String = { $0.text }
  ) throws -> [String] {
    let expression = try NSRegularExpression(pattern: pattern)
    return files.flatMap { file in
      view(file).split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { number, line in
        let text = String(line)
        let range = NSRange(text.startIndex..., in: text)
        guard expression.firstMatch(in: text, range: range) != nil else { return nil }
        return "\(file.path):\(number + 1): \(text.trimmingCharacters(in: .whitespaces))"
      }
    }
  }

  /// Pairs of a pattern's two groups, wherever it matches in a text.
  static func groups(_ pattern: String, in text: String) throws -> [[String]] {
    let expression = try NSRegularExpression(pattern: pattern, options: [.anchorsMatchLines])
    return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).map { match in
      (0..<match.numberOfRanges).map { Range(match.range(at: $0), in: text).map { String(text[$0]) } ?? "" }
    }
  }
}

/// Expects no offences, and shows those that there are.
func expectNone(_ offences: [String], at place: SourceLocation = #_sourceLocation) {
  #expect(offences == [], sourceLocation: place)
}
