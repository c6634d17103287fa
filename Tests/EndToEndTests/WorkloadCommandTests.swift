import Foundation
import Testing

@Suite("marlise workload")
struct WorkloadCommandTests {
  static let names: [String] = {
    let lines = (try? Program.run("workload", "list").output.split(separator: "\n").dropFirst(2)) ?? []
    return lines.compactMap { $0.split(separator: " ").first.map(String.init) }.filter { $0 != "trace" }
  }()

  @Test("list names the loads that train accepts")
  func list() throws {
    #expect(WorkloadCommandTests.names.count >= 10)
    let help = try Program.run("train", "--help").output
    for name in WorkloadCommandTests.names { #expect(help.contains(name), "\(name)") }
  }

  @Test("show draws every load, for the terminal and as a picture", arguments: names)
  func show(name: String) throws {
    let folder = try TemporaryFolder()
    let options = ["workload", "show", name, "--seconds", "60", "--pods", "2", "--seed", "3"]
    let result = try Program.run(options + ["--svg", "load.svg"], in: folder)
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("pod1, requests/s\n"))
    #expect(result.output.contains("mean [requests/s]"))
    let picture = try folder.text("load.svg")
    #expect(picture.hasPrefix("<svg ") && picture.hasSuffix("</svg>\n"))
    // The same load again: the same bytes.
    #expect(try Program.run(options, in: folder).output == result.output)
    let refused = try Program.run(options + ["--svg", "load.svg"], in: folder)
    #expect(refused.code == 1)
    #expect(try #require(refused.sentence).contains("--force"))
    #expect(try Program.run(options + ["--svg", "load.svg", "--force"], in: folder).code == 0)
    #expect(try folder.text("load.svg") == picture)
  }

  @Test("show draws a recording with its own figures, or rescaled")
  func recording() throws {
    let folder = try TemporaryFolder()
    try folder.write("rates.csv", "second,rps\n" + (0..<40).map { "\($0),\($0 % 4)\n" }.joined())
    func row(_ options: String...) throws -> [Substring] {
      let result = try Program.run(["workload", "show", "rates.csv"] + options, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      return try #require(result.output.split(separator: "\n").last).split(separator: " ")
    }
    #expect(try row() == ["pod0", "1.50", "3.00", "0.00", "1.12"])
    #expect(try row("--trace-mean-rps", "15") == ["pod0", "15.00", "30.00", "0.00", "11.18"])
    #expect(try row("--seconds", "2") == ["pod0", "0.50", "1.00", "0.00", "0.50"])
  }

  @Test("the shape's parameters can be given, and are printed")
  func shape() throws {
    let plain = try Program.run("workload", "show", "diurnal")
    #expect(plain.output.hasSuffix("\nshape: amplitude=0.8 period=120 noise=0\n"), "\(plain.output)")
    let flat = try Program.run("workload", "show", "diurnal", "--shape", "amplitude=0", "period=60")
    #expect(flat.output.hasSuffix("\nshape: amplitude=0 period=60 noise=0\n"))
    #expect(flat.output.contains("20.00             20.00             20.00              0.00\n\nshape"))
  }

  @Test("a recording is cut, spliced, played faster, shifted and blurred")
  func recordingOptions() throws {
    let folder = try TemporaryFolder()
    try folder.write("a.csv", "second,rps\n0,90\n1,1\n2,3\n3,90\n")
    try folder.write("b.csv", "second,rps\n0,5\n1,7\n2,6\n3,6\n")
    func rows(_ options: String...) throws -> [[String]] {
      let result = try Program.run(["workload", "show", "a.csv"] + options, in: folder)
      #expect(result.code == 0, "\(result.errors)")
      return result.output.split(separator: "\n").filter { $0.hasPrefix("pod") && !$0.contains("requests") }
        .map { $0.split(separator: " ").map(String.init) }
    }
    // 1 3 5 7 6 6, two seconds as one: 2 6 6.
    #expect(
      try rows("--trace-part", "1", "3", "--trace-append", "b.csv", "--trace-compression", "2")
        == [["pod0", "4.67", "6.00", "2.00", "1.89"]])
    #expect(
      try rows("--trace-part", "1", "3", "--pods", "2", "--trace-offset", "1", "--seconds", "1")
        == [["pod0", "1.00", "1.00", "1.00", "0.00"], ["pod1", "3.00", "3.00", "3.00", "0.00"]])
    // Means over the second before and its own: 90 45.5 2 46.5.
    #expect(try rows("--trace-smoothing", "2") == [["pod0", "46.00", "90.00", "2.00", "31.11"]])
    #expect(try rows() != rows("--trace-noise", "0.5"))
  }

  @Test("a recording that cannot be right is refused by file and row", arguments: BadTrace.all)
  func bad(_ text: String, _ phrase: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("rates.csv", text)
    let result = try Program.run("workload", "show", "rates.csv", "--svg", "a.svg", in: folder)
    #expect(result.code == 1)
    #expect(try #require(result.sentence).contains(phrase), "\(result.errors)")
    #expect(folder.names == ["rates.csv"])
  }

  @Test(
    "what does not fit together is refused with 2",
    arguments: [
      (["burty"], "did you mean 'bursty'?"), (["trace"], "neither a workload nor a file"),
      (["a.csv", "--shape", "period=3"], "not for a trace"), (["bursty", "--shape", "on=1", "on=2"], "twice"),
      (["bursty", "--rps", "1", "--min-rps", "2"], "--min_rps"), (["bursty", "--trace-mean-rps", "2"], "CSV"),
      (["a.csv", "--rps", "3"], "--trace_mean_rps"), (["bursty", "--pods", "64", "--seconds", "1000000"], "at most"),
    ])
  func refusal(_ arguments: [String], _ phrase: String) throws {
    let result = try Program.run(["workload", "show"] + arguments)
    #expect(result.code == 2)
    #expect(try #require(result.sentence).contains(phrase), "\(result.errors)")
  }
}
