import Foundation
import Testing

@testable import Charts

@Suite("HTML reports")
struct ReportTests {
  static func report(title: String = "Report") -> HTMLReport {
    var report = HTMLReport(title, subtitle: "of <things>")
    report.add(figures: [("1.5 %", "error & more")])
    report.add(heading: "First")
    report.add(text: "a < b")
    report.add(code: "if a < b {\n  c\n}")
    report.add(charts: [ChartTests.chart, ChartTests.scatter])
    report.add(heading: "Second")
    var table = HTMLReport.Table([.text("name"), .number("value")])
    table.add([.init("<x>"), .good("1")])
    table.add([.init("y"), .bad("2")])
    report.add(table: table)
    report.add(chart: ChartTests.bars)
    return report
  }

  @Test("hold everything, escaped, and load nothing")
  func selfContained() {
    let html = ReportTests.report(title: ChartTests.nasty).html()
    #expect(html.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
    for text in [
      "<pre>if a &lt; b {\n  c\n}</pre>", "of &lt;things&gt;", "a &lt; b", "<td>&lt;x&gt;</td>",
      "class=\"number good\"", "error &amp; more",
    ] {
      #expect(html.contains(text), "\(text)")
    }
    for forbidden in ["<script", "http://", "https://", "src=", "href=", "@import", "url(h"] {
      #expect(!html.contains(forbidden), "\(forbidden)")
    }
    #expect(html.contains("default-src 'none'"))
  }

  @Test("give every chart identifiers of its own")
  func identifiers() {
    let html = ReportTests.report().html()
    let identifiers = html.components(separatedBy: " id=\"").dropFirst().map { $0.prefix { $0 != "\"" } }
    #expect(identifiers.count == 9)
    #expect(Set(identifiers).count == identifiers.count)
  }

  @Test("close what they open, and are the same bytes for the same content")
  func balanced() {
    let html = ReportTests.report().html()
    for name in ["section", "main", "table", "tr", "td", "th", "svg", "figure", "div", "dl", "p", "pre", "g"] {
      let opened = html.components(separatedBy: "<\(name)>").count + html.components(separatedBy: "<\(name) ").count - 2
      #expect(opened == html.components(separatedBy: "</\(name)>").count - 1, "\(name)")
    }
    #expect(ReportTests.report().html() == html)
  }
}
