import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@testable import Charts

@Suite("Charts")
struct ChartTests {
  static let nasty = "<script>alert('&')</script> \"quoted\" \u{1} \u{7}"

  static let chart = Chart(
    "Limits", caption: "Of a pod", x: Axis("second"), y: Axis("m", includesZero: true),
    marks: [
      .band("a", [.init(0, 1, 3), .init(1, 2, 4)]), .line("a", [Point(0, 2), Point(1, 3)]),
      .line("b", perSecond: [1, 2, 3], isDashed: true), .rule("goal", y: 2), .rule("now", x: 1),
    ])
  static let scatter = Chart(
    "Costs", x: Axis("CPU", kind: .logarithmic), y: Axis("P95"),
    marks: [
      .dots(
        "p",
        [.init(Point(1, 5), label: "one", xInterval: 0.5...2, yInterval: 4...6), .init(Point(10, 2), label: "two")]),
      .front("best", of: [Point(1, 5), Point(10, 2)]), .diagonal("equal"),
    ])
  static let bars = BarChart(
    "Errors", axis: Axis("%"), names: ["x", "y"],
    series: [("mean", [.init(1), .init(2, interval: 1...3)]), ("P95", [.init(.nan), .init(-1)])], rule: ("goal", 1.5))

  @Test("are well-formed XML, as files and within pages", arguments: [0, 1, 2, 3])
  func wellFormed(_ index: Int) throws {
    let nasty = Chart(
      ChartTests.nasty, caption: ChartTests.nasty, x: Axis(ChartTests.nasty), y: Axis(ChartTests.nasty),
      marks: [.dots(ChartTests.nasty, [.init(Point(1, 1), label: ChartTests.nasty)]), .rule(ChartTests.nasty, y: 1)])
    let drawables: [any Drawable] = [ChartTests.chart, ChartTests.scatter, ChartTests.bars, nasty]
    for text in [drawables[index].svg(), drawables[index].svg(id: "c", isStandalone: false)] {
      let parser = XMLParser(data: Data(text.utf8))
      #expect(parser.parse(), "\(String(describing: parser.parserError))")
      #expect(!text.contains("nan") && !text.contains("inf"))
      #expect(!text.contains("<script"))
    }
  }

  @Test("say what they are to those who cannot see them")
  func accessible() {
    let text = ChartTests.chart.svg()
    #expect(text.contains("role=\"img\" aria-labelledby=\"chart-title chart-text\""))
    #expect(text.contains("<title id=\"chart-title\">Limits</title>"))
    #expect(text.contains("<desc id=\"chart-text\">Of a pod</desc>"))
  }

  @Test("are the same bytes for the same content")
  func deterministic() {
    #expect(ChartTests.chart.svg() == ChartTests.chart.svg())
    #expect(ChartTests.scatter.svg() == ChartTests.scatter.svg())
    #expect(ChartTests.bars.svg() == ChartTests.bars.svg())
  }

  @Test("follow the reader's preference for dark, and carry colours for programs without variables")
  func dark() {
    let text = ChartTests.chart.svg()
    #expect(text.contains("@media(prefers-color-scheme:dark)"))
    #expect(text.contains("class=\"l0\""))
    #expect(text.contains("stroke=\"#0072b2\""))
  }

  @Test("marks of one name share a colour and a legend entry; one series alone has no legend")
  func legend() {
    let text = ChartTests.chart.svg()
    #expect(text.components(separatedBy: ">a</text>").count == 2)
    #expect(text.contains("class=\"f0\""))
    #expect(text.contains("class=\"l1\""))
    let single = Chart("t", x: Axis(""), y: Axis(""), marks: [.line("only", [Point(0, 0), Point(1, 1)])])
    #expect(!single.svg().contains(">only</text>"))
  }

  @Test("values are tooltips")
  func tooltips() {
    #expect(ChartTests.chart.svg().contains("<title>a\n1, 3</title>"))
    #expect(ChartTests.scatter.svg().contains("<title>one\n1, 5\nx 0.5 to 2\ny 4 to 6</title>"))
    #expect(ChartTests.bars.svg().contains("<title>y, mean\n2</title>"))
  }

  @Test("a line has a gap where a value has no place")
  func gaps() {
    func moves(_ values: [Double], _ kind: Axis.Kind = .linear) -> Int {
      let chart = Chart("", x: Axis(""), y: Axis("", kind: kind), marks: [.line("v", perSecond: values)])
      let path = chart.svg().components(separatedBy: "class=\"l0\" d=\"").dropFirst().first ?? ""
      return path.prefix { $0 != "\"" }.count { $0 == "M" }
    }
    #expect(moves([1, 2, 3]) == 1)
    #expect(moves([1, .nan, 3, .infinity, .nan, 4]) == 3)
    #expect(moves([1, 0, 3], .logarithmic) == 2)
    #expect(moves([.nan]) == 0)
  }

  @Test("a long series keeps its peak and becomes a small picture")
  func thinned() {
    var values = (0..<200_000).map { Double($0 % 7) }
    values[123_456] = 100
    let text = Chart("", x: Axis(""), y: Axis("", range: 0...100), marks: [.line("v", perSecond: values)]).svg()
    #expect(text.utf8.count < 60_000)
    // The top of the plot is where 100 stands.
    let tick = text.components(separatedBy: "<path class=\"grid\" d=\"M").last?.prefix { $0 != "H" } ?? ""
    #expect(text.contains("V" + (tick.split(separator: " ").last ?? "?")))
  }

  @Test(
    "nothing, one point, equal and huge values can be drawn",
    arguments: [[], [5.0], [0, 0], [1e308, -1e308], [1e-300]])
  func degenerate(_ values: [Double]) {
    for kind in [Axis.Kind.linear, .logarithmic] {
      let marks: [Mark] = [.line("l", perSecond: values), .dots("d", values.map { .init(Point($0, $0)) })]
      let text = Chart("t", x: Axis("", kind: kind), y: Axis("", kind: kind), marks: marks).svg()
      #expect(text.hasSuffix("</svg>\n"))
      #expect(!text.contains("nan") && !text.contains("inf"))
    }
    let bars = BarChart("t", axis: Axis(""), names: values.map { "\($0)" }, series: [("s", values.map { .init($0) })])
    #expect(bars.svg().hasSuffix("</svg>\n"))
  }

  @Test("labels of points do not lie over each other")
  func labels() {
    let dots = (0..<30).map { Mark.Dot(Point(Double($0 % 6) / 100, Double($0 / 6) / 100), label: "point \($0)") }
    let text = Chart("", x: Axis("", range: -1...1), y: Axis("", range: -1...1), marks: [.dots("d", dots)]).svg()
    let count = text.matches(of: />point \d+<\/text>/).count
    #expect((1..<30).contains(count))
  }
}

@Suite("The Pareto front")
struct ParetoTests {
  @Test("holds the points that no other beats")
  func example() {
    let points = [Point(3, 1), Point(1, 3), Point(2, 2), Point(2, 3), Point(3, 3), Point(1, 3), Point(.nan, 0)]
    #expect(ParetoFront.of(points) == [Point(1, 3), Point(2, 2), Point(3, 1)])
    #expect(ParetoFront.of(points, x: .higher, y: .higher) == [Point(3, 3)])
  }

  @Test("whatever the points: none on it is beaten, every other is", arguments: 0..<100 as Range<UInt64>)
  func property(seed: UInt64) {
    var random = TestRandom(state: seed)
    let points = (0..<Int.random(in: 0...30, using: &random)).map { _ in
      Point(Double(Int.random(in: 0...9, using: &random)), Double(Int.random(in: 0...9, using: &random)))
    }
    for x in [ParetoFront.Better.lower, .higher] {
      let front = ParetoFront.of(points, x: x)
      func beats(_ a: Point, _ b: Point) -> Bool {
        a != b && a.y <= b.y && (x == .lower ? a.x <= b.x : a.x >= b.x)
      }
      for point in points { #expect(front.contains(point) != points.contains { beats($0, point) }) }
      #expect(zip(front, front.dropFirst()).allSatisfy { $0.x < $1.x })
    }
  }
}
