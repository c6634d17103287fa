import Testing

@testable import Terminal

@Suite("Numbers as text")
struct NumberTests {
  @Test(
    "fixed decimals",
    arguments: [
      (3.14159, 2, "3.14"), (-0.001, 2, "0.00"), (1e20, 0, "100000000000000000000"), (2.5, 1, "2.5"), (.nan, 2, "-"),
      (.infinity, 1, "∞"),
    ])
  func fixed(_ value: Double, _ decimals: Int, _ text: String) { #expect(Number.fixed(value, decimals) == text) }

  @Test("the largest double still fits")
  func largest() { #expect(Number.fixed(.greatestFiniteMagnitude, 100).count == 309 + 1 + 100) }

  @Test(
    "metric prefixes",
    arguments: [
      (0, "0"), (7, "7"), (0.5, "0.50"), (999.4, "999"), (999.6, "1.00k"), (12_345, "12.3k"), (9_999, "10.0k"),
      (4_560_000, "4.56M"), (-1500, "-1.50k"),
    ] as [(Double, String)])
  func metric(_ value: Double, _ text: String) { #expect(Number.metric(value) == text) }

  @Test(
    "durations",
    arguments: [
      (0.4, "0s"), (59.6, "1m 00s"), (200, "3m 20s"), (7500, "2h 05m"), (100_800, "1d 04h"), (.infinity, "-"),
      (-5, "0s"),
    ] as [(Double, String)])
  func duration(_ seconds: Double, _ text: String) { #expect(Number.duration(seconds: seconds) == text) }

  @Test("groups of three", arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")])
  func grouped(_ value: Int, _ text: String) { #expect(Number.grouped(value) == text) }

  @Test("grouping the smallest number does not overflow")
  func smallest() { #expect(Number.grouped(.min) == "-9,223,372,036,854,775,808") }

  @Test(
    "what is a whole number",
    arguments: [
      ("7", 7), ("-7", -7), ("1e3", 1000), ("1.5", nil), ("", nil), ("0x10", nil), ("inf", nil), ("1e300", nil),
      (" 1", nil),
    ] as [(String, Int?)])
  func whole(_ text: String, _ value: Int?) { #expect(Number.parseInt(text) == value) }

  @Test("significant digits", arguments: [(0.000123456, "0.0001235"), (12_345_678, "1.235e+07"), (2, "2")])
  func significant(_ value: Double, _ text: String) { #expect(Number.significant(value) == text) }
}

@Suite("Width of text")
struct DisplayWidthTests {
  @Test(
    "columns",
    arguments: [
      ("abc", 3), ("äöü", 3), ("e\u{301}", 1), ("漢字", 4), ("🙂", 2), ("±", 1), ("\u{1b}[31mred\u{1b}[0m", 3), ("…", 1),
      ("ｆ", 2),
    ])
  func width(_ text: String, _ columns: Int) { #expect(DisplayWidth.of(text) == columns) }

  @Test("cutting keeps whole characters and ends a colour")
  func truncate() {
    #expect(DisplayWidth.truncate("abcdef", to: 4) == "abc…")
    #expect(DisplayWidth.truncate("漢字漢字", to: 4) == "漢…")
    #expect(DisplayWidth.truncate("\u{1b}[31mabcdef\u{1b}[0m", to: 4) == "\u{1b}[31mabc…\u{1b}[0m")
    #expect(DisplayWidth.truncate("abc", to: 3) == "abc")
  }

  @Test("wrapping breaks at blanks, keeps long words whole and indented lines as they are")
  func wrap() {
    #expect(TextWrapping.lines("one two three", width: 7) == ["one two", "three"])
    #expect(TextWrapping.lines("a incomprehensible b", width: 5) == ["a", "incomprehensible", "b"])
    #expect(TextWrapping.lines("a\n\n  x   y", width: 5) == ["a", "", "  x   y"])
  }
}
