/// "did you mean": the nearest of the names that exist.
public enum Suggestion {
  /// The name nearest to what was typed, when near enough to be meant: at most two edits, fewer for short words, or
  /// the only name that begins with it.
  static func nearest(_ typed: String, among names: [String]) -> String? {
    let word = Array(Option.normalized(typed).lowercased())
    let limit = min(2, (word.count + 1) / 2)
    var best: (name: String, distance: Int)?
    for name in names {
      let distance = editDistance(word, Array(Option.normalized(name).lowercased()))
      if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
    }
    if let best { return best.name }
    guard word.count >= 3 else { return nil }
    let longer = names.filter { Option.normalized($0).lowercased().hasPrefix(String(word)) }
    return longer.count == 1 ? longer[0] : nil
  }

  /// Damerau–Levenshtein distance in its restricted form: insertions, deletions, substitutions and swaps of two
  /// neighbours cost one each.
  static func editDistance(_ a: [Character], _ b: [Character]) -> Int {
    // A name is short; a text of megabytes is no name and must not cost quadratic time.
    if abs(a.count - b.count) > 2 { return abs(a.count - b.count) }
    var beforePrevious = [Int](repeating: 0, count: b.count + 1)
    var previous = Array(0...b.count)
    var current = previous
    for i in 0..<a.count {
      current[0] = i + 1
      for j in 0..<b.count {
        var cost = min(previous[j + 1] + 1, current[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforePrevious[j - 1] + 1) }
        current[j + 1] = cost
      }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[b.count]
  }

  /// `; did you mean 'ddpg'?` or nothing.
  public static func clause(_ typed: String, among names: [String], prefix: String = "") -> String {
    nearest(typed, among: names).map { "; did you mean '\(prefix)\($0)'?" } ?? ""
  }
}
