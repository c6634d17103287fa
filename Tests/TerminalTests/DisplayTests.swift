import Synchronization
import Testing

@testable import Terminal

/// A terminal of 60 columns and 6 rows, or a pipe, that remembers what was written to it; and a clock set by hand.
final class Desk: Sendable {
  let written = Mutex("")
  let time = Mutex(100.0)

  func screen(isTerminal: Bool) -> Screen {
    Screen(isTerminal: isTerminal, size: { (60, 6) }, write: { text in self.written.withLock { $0 += text } })
  }
  var clock: @Sendable () -> Double { { self.time.withLock { $0 } } }
  func wait(_ seconds: Double) { time.withLock { $0 += seconds } }
  /// What was written since the last time.
  func read() -> String {
    written.withLock { text in
      defer { text = "" }
      return text
    }
  }
}

@Suite("Pictures above a bar")
struct PictureTests {
  @Test("a picture stands above the bar, is redrawn with it, and stays when it is finished")
  func terminal() {
    let desk = Desk()
    let bar = ProgressBar(
      "train", total: 4, unit: "episodes", screen: desk.screen(isTerminal: true), style: .plain, now: desk.clock)
    _ = desk.read()
    desk.wait(1)
    bar.update(1, picture: { columns, rows in ["\(columns) × \(rows)"] })
    #expect(desk.read().contains("59 × 6\ntrain"))
    desk.wait(0.01)
    bar.update(2, picture: { _, _ in ["too soon"] })
    #expect(desk.read() == "")
    bar.finish(picture: { _, _ in ["the end"] })
    #expect(desk.read().contains("the end\ntrain: 2/4 episodes"))
  }

  @Test("where there is no terminal there is no picture")
  func pipe() {
    let desk = Desk()
    let bar = ProgressBar(
      "train", total: 4, unit: "episodes", screen: desk.screen(isTerminal: false), style: .plain, now: desk.clock)
    desk.wait(20)
    bar.update(1, picture: { _, _ in ["picture"] })
    bar.finish(picture: { _, _ in ["picture"] })
    #expect(!desk.read().contains("picture"))
  }

  @Test("blocks stand beside each other, without blanks at the end")
  func beside() {
    #expect(Lines.beside([["a", "bcd"], ["e"]], width: 4) == ["a     e", "bcd"])
  }
}

@Suite("Table")
struct TableTests {
  private var table: Table {
    var table = Table([.text("policy"), .number("CPU", unit: "m"), .number("p95", unit: "ms"), .number("n")])
    table.add([.text("mdqn"), .estimate(412.34, 8.06, decimals: 1), .number(38.24, decimals: 1).bold(), .number(3)])
    table.add([.text("static | 漢字"), .estimate(1250, 12.5, decimals: 1), .number(.nan, decimals: 1), .none])
    return table
  }

  @Test("columns are aligned, numbers to the right, ± under ±, wide characters counted")
  func plain() {
    #expect(
      table.plain() == """
        policy               CPU [m]  p95 [ms]  n
        ─────────────  ─────────────  ────────  ─
        mdqn            412.3 ±  8.1      38.2  3
        static | 漢字  1250.0 ± 12.5         -

        """)
  }

  @Test("as markdown, with pipes escaped and the best in bold")
  func markdown() {
    let lines = table.markdown().split(separator: "\n").map(String.init)
    #expect(lines[0].hasPrefix("| policy "))
    #expect(lines[1].contains("-: | "))
    #expect(lines[2].contains("**38.2**"))
    #expect(lines[3].hasPrefix("| static \\| 漢字 | 1250.0 ± 12.5 |"))
    #expect(lines.count == 4)
  }

  @Test("colours do not shift the columns")
  func coloured() {
    let stripped = table.plain(style: .coloured).split(separator: "\u{1b}").map { part -> Substring in
      part.hasPrefix("[") ? part.drop { $0 != "m" }.dropFirst() : part
    }.joined()
    #expect(stripped == table.plain())
  }
}

@Suite("Progress bar")
struct ProgressBarTests {
  @Test("on a terminal it is redrawn at most ten times a second")
  func redraws() {
    let desk = Desk()
    let bar = ProgressBar(
      "train", total: 100, unit: "episodes", screen: desk.screen(isTerminal: true), style: .plain, now: desk.clock)
    #expect(desk.read() == "train  ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    0%  0/100 episodes")
    desk.wait(0.0625)
    bar.update(1)
    #expect(desk.read() == "")
    desk.wait(0.0625)
    bar.update(25) { [("reward", "-1.5")] }
    #expect(
      desk.read() == "\r\u{1b}[Jtrain  25%  25/100 episodes  200/s  ETA 0s  reward -1.5")
    desk.wait(4.875)
    bar.update(50)
    #expect(desk.read() == "\r\u{1b}[Jtrain  ██████▌░░░░░░   50%  50/100 episodes  8.67/s  ETA 6s")
    bar.update(100)
    desk.wait(5)
    bar.finish()
    #expect(desk.read() == "\r\u{1b}[Jtrain: 100/100 episodes in 10s, 10/s\n")
    bar.finish()
    bar.update(100)
    #expect(desk.read() == "")
  }

  @Test("elsewhere it is a line every ten seconds and one at the end")
  func lines() {
    let desk = Desk()
    let bar = ProgressBar(
      "train", total: 300, unit: "episodes", screen: desk.screen(isTerminal: false), style: .plain, now: desk.clock)
    for second in 1...25 {
      desk.wait(1)
      bar.update(second * 10) { [("reward", "\(second)")] }
    }
    bar.finish()
    #expect(
      desk.read() == """
        train: 100/300 episodes (33%), 10/s, ETA 20s, reward 10
        train: 200/300 episodes (66%), 10/s, ETA 10s, reward 20
        train: 250/300 episodes in 25s, 10/s, reward 20

        """)
  }

  @Test("what an earlier run did does not count for the rate")
  func resumed() {
    let desk = Desk()
    let bar = ProgressBar(
      "train", total: 1000, unit: "episodes", done: 900, screen: desk.screen(isTerminal: false), style: .plain,
      now: desk.clock)
    desk.wait(10)
    bar.update(950)
    #expect(desk.read() == "train: 950/1000 episodes (95%), 5/s, ETA 10s\n")
  }

  @Test("without a total there is a count, without room there is no bar")
  func small() {
    var progress = Progress(
      label: "replay", done: 7, total: 0, unit: "samples", rate: 2, elapsed: 3, fields: [])
    #expect(progress.bar(width: 60, style: .plain) == "replay  7 samples  2/s")
    #expect(progress.line == "replay: 7 samples, 2/s")
    progress.total = 14
    #expect(progress.bar(width: 30, style: .plain) == "replay  50%  7/14 samples  2/…")
    #expect(DisplayWidth.of(progress.bar(width: 20, style: .plain)) == 20)
  }

  @Test("recent progress weighs more than old")
  func rate() throws {
    var rate = ProgressRate(done: 0, at: 0)
    #expect(rate.recent == nil)
    rate.note(100, at: 10)
    #expect(rate.recent == 10)
    rate.note(200, at: 60)
    let recent = try #require(rate.recent)
    #expect(recent > 2 && recent < 2.5)
    #expect(rate.overall(at: 60) == 200.0 / 60)
  }
}

@Suite("Live view and log lines")
struct ScreenTests {
  @Test("a block is redrawn in place, a log line goes above it, and the last block stays")
  func live() {
    let desk = Desk()
    let screen = desk.screen(isTerminal: true)
    let view = LiveView(screen: screen, now: desk.clock)
    view.show(["a", "b"])
    #expect(desk.read() == "a\nb")
    screen.line("news")
    #expect(desk.read() == "\u{1b}[1A\r\u{1b}[Jnews\na\nb")
    view.show(["c"])
    #expect(desk.read() == "")
    view.finish()
    #expect(desk.read() == "\u{1b}[1A\r\u{1b}[Jc\n")
  }

  @Test("a block taller than the terminal says how much is missing")
  func tall() {
    let desk = Desk()
    LiveView(screen: desk.screen(isTerminal: true), now: desk.clock).show((1...9).map { "\($0)" })
    #expect(desk.read() == "1\n2\n3\n4\n… 5 more")
  }

  @Test("elsewhere what is shown is appended")
  func appended() {
    let desk = Desk()
    let view = LiveView(screen: desk.screen(isTerminal: false), now: desk.clock)
    view.show(["a", "b"])
    view.show(["c", "d"], plain: "c and d")
    view.finish()
    #expect(desk.read() == "a\nb\nc and d\n")
  }

  @Test("lines as text and as JSON", arguments: [Log.Format.text, .json])
  func log(_ format: Log.Format) {
    let lines = Mutex<[String]>([])
    let log = Log(
      level: .info, format: format, style: .plain, now: { 1_772_366_405.25 },
      sink: { line in lines.withLock { $0.append(line) } })
    log.debug("unseen")
    log.info("resized", ["pod": "web-0", "limit": 250, "reason": "two words", "share": 0.5, "final": true])
    log.error("a \"bad\"\nline\u{1b}[31m")
    let expected =
      format == .text
      ? [
        "2026-03-01T12:00:05.250Z info    resized  pod=web-0 limit=250 reason=\"two words\" share=0.5 final=true",
        "2026-03-01T12:00:05.250Z error   a \"bad\"\\u{a}line\\u{1b}[31m",
      ]
      : [
        #"{"time":"2026-03-01T12:00:05.250Z","level":"info","message":"resized","pod":"web-0","limit":250,"#
          + #""reason":"two words","share":0.5,"final":true}"#,
        #"{"time":"2026-03-01T12:00:05.250Z","level":"error","message":"a \"bad\"\nline\u001b[31m"}"#,
      ]
    #expect(lines.withLock { $0 } == expected)
  }

  @Test(
    "moments",
    arguments: [(0, "1970-01-01T00:00:00.000Z"), (-0.001, "1969-12-31T23:59:59.999Z"), (.nan, "")] as [(Double, String)]
  )
  func moments(_ seconds: Double, _ text: String) { #expect(Clock.iso8601(seconds) == text) }

  @Test(
    "who gets colours",
    arguments: [
      ([:], true, true), ([:], false, false), (["NO_COLOR": "1"], true, false), (["NO_COLOR": ""], true, true),
      (["CLICOLOR_FORCE": "1"], false, true), (["CLICOLOR_FORCE": "0"], false, false), (["TERM": "dumb"], true, false),
      (["NO_COLOR": "1", "CLICOLOR_FORCE": "1"], true, false),
    ] as [([String: String], Bool, Bool)])
  func colours(_ environment: [String: String], _ isTerminal: Bool, _ isColoured: Bool) {
    #expect(Style(environment: { environment[$0] }, isTerminal: isTerminal).isColoured == isColoured)
  }
}

@Suite("Plots in the terminal")
struct TerminalPlotTests {
  @Test("a series as one line of blocks")
  func sparkline() {
    #expect(Sparkline.text([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█")
    #expect(Sparkline.text([1, 1, 1]) == "▅▅▅")
    #expect(Sparkline.text([0, .nan, 1]) == "▁ █")
    #expect(Sparkline.text([]) == "")
    #expect(Sparkline.text((0..<1000).map(Double.init), width: 8) == "▁▂▃▄▅▆▇█")
  }

  @Test("a rising line goes from the lower left to the upper right")
  func plot() {
    let text = TerminalPlot(width: 24, height: 4).text([("reward", [0, 1, 2, 3])], to: 300, unit: "episodes")
    #expect(
      text == """
          3 ┤             ⣀⣠⠤⠖⠒⠋
        1.5 ┤      ⣀⣀⡤⠴⠒⠋⠉⠁
          0 ┤⣀⡤⠤⠖⠚⠉⠁
             0      300 episodes

        """)
  }

  @Test(
    "extreme and missing values are drawn without a crash",
    arguments: [
      [], [.nan], [1], [-1.7e308, 1.7e308], [-1.7e308], [.infinity, 0, 1], [1e-300, 0],
    ] as [[Double]])
  func extremes(_ values: [Double]) {
    let text = TerminalPlot(width: 30, height: 5).text([("a", values), ("b", [0, 1])], to: 1)
    #expect(text.split(separator: "\n").count == 5)
    _ = TerminalPlot(width: 1, height: 1).text([("a", values)], to: 1)
    _ = Sparkline.text(values)
  }
}
