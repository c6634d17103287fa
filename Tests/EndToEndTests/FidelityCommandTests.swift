import Foundation
import TestSupport
import Testing

@Suite("marlise fidelity")
struct FidelityCommandTests {
  /// A committed part of the measurements.
  static let data = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("PodSimulationTests/GroundTruth")
  static let quick = ["--phases", "2", "--replicas", "0"]

  /// A folder with copies of some of the files.
  private func folder(_ names: [String]) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in names {
      try FileManager.default.copyItem(
        at: FidelityCommandTests.data.appendingPathComponent(name), to: folder.url.appendingPathComponent(name))
    }
    return folder
  }

  private static let steady = ["steady_cells.csv", "steady_requests.csv"]
  private static let dynamic = ["runs.csv", "dynamic_seconds.csv", "dynamic_requests.csv"]

  @Test("prints every table, and writes a page that needs nothing else")
  func tables() throws {
    let out = try TemporaryFolder()
    let path = FidelityCommandTests.data.path
    let result = try Program.run(
      ["fidelity", "--data", path, "--html", "page.html"] + FidelityCommandTests.quick, in: out)
    #expect(result.code == 0, "\(result.errors)")
    for text in ["all cells", "several workers, 2 cores", "cap_L100_norewrite", "requirements met", "correlation"] {
      #expect(result.output.contains(text), "\(text)")
    }
    let page = try out.text("page.html")
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n"))
    #expect(page.contains("Distribution of the errors") && page.contains("cap_L100_norewrite"))
    #expect(!page.contains("http:") && !page.contains("nan,"))
    let again = try Program.run(
      ["fidelity", "--data", path, "--html", "again.html", "--jobs", "1"] + FidelityCommandTests.quick, in: out)
    #expect(again.output == result.output)
    #expect(try out.text("again.html") == page)
  }

  @Test("leaves out what is absent and says so")
  func parts() throws {
    let steady = try folder(FidelityCommandTests.steady)
    let result = try Program.run(
      ["fidelity", "--data", ".", "--json", "--html", "a.html"] + FidelityCommandTests.quick, in: steady)
    #expect(result.code == 0, "\(result.errors)")
    let report = try #require(result.json as? [String: Any])
    #expect(report["missing"] as? [String] == ["dynamic runs", "controller runs"])
    #expect(((report["steady"] as? [String: Any])?["cells"] as? [Any])?.count == 20)
    #expect((report["dynamics"] as? [Any])?.isEmpty == true)

    let dynamic = try folder(FidelityCommandTests.dynamic)
    let text = try Program.run(["fidelity", "--data", "."] + FidelityCommandTests.quick, in: dynamic)
    #expect(text.code == 0, "\(text.errors)")
    #expect(text.output.contains("files absent: steady cells, controller runs\n"))
    #expect(!text.output.contains("all cells"))
  }

  @Test("a requirement that is missed ends with 1 under --strict")
  func strict() throws {
    let folder = try folder(FidelityCommandTests.steady)
    // Responses up to ten times as long as measured: no simulator agrees with that.
    let lines = try folder.text("steady_cells.csv").split(separator: "\n")
    let columns = lines[0].split(separator: ",")
    let p95 = try #require(columns.firstIndex(of: "p95_ms"))
    let slow = lines.dropFirst().map { line in
      var fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      fields[p95] = "\(min((Double(fields[p95]) ?? 0) * 10, 2000))"
      return fields.joined(separator: ",")
    }
    try folder.write("steady_cells.csv", ([String(lines[0])] + slow).joined(separator: "\n") + "\n")
    let arguments = ["fidelity", "--data", "."] + FidelityCommandTests.quick
    #expect(try Program.run(arguments, in: folder).code == 0)
    let result = try Program.run(arguments + ["--strict"], in: folder)
    #expect(result.code == 1)
    #expect(result.output.contains("missed"))
  }

  @Test(
    "damaged files are refused by file and row",
    arguments: [
      ("steady_cells.csv", "limit_m", 0, "no column 'limit_m'"), ("steady_cells.csv", "limit_m", 3, "row 4"),
      ("steady_cells.csv", "p95_ms", 2, "row 3"), ("steady_requests.csv", "latency_us", 9, "row 10"),
      ("steady_requests.csv", "t_us", 5, "row 6"),
    ])
  func damaged(_ file: String, _ column: String, _ row: Int, _ phrase: String) throws {
    let folder = try folder(FidelityCommandTests.steady)
    var lines = try folder.text(file).split(separator: "\n").map(String.init)
    let place = try #require(lines[0].split(separator: ",").firstIndex { $0 == column })
    var fields = lines[row].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    fields[place] = row == 0 ? "limit" : "-1"
    lines[row] = fields.joined(separator: ",")
    try folder.write(file, lines.joined(separator: "\n") + "\n")
    let result = try Program.run(["fidelity", "--data", ".", "--html", "a.html"], in: folder)
    #expect(result.code == 1)
    #expect(result.output == "")
    let sentence = try #require(result.sentence, "\(result.errors)")
    #expect(sentence.contains(file) && sentence.contains(phrase), "\(sentence)")
    #expect(!folder.has("a.html"))
  }

  @Test("a folder without measurements, and no folder, are one sentence")
  func nothing() throws {
    let folder = try TemporaryFolder()
    let empty = try Program.run("fidelity", "--data", ".", in: folder)
    #expect(empty.code == 1)
    #expect(try #require(empty.sentence).contains("holds no measurements"))
    let none = try Program.run("fidelity", "--data", "none", in: folder)
    #expect(none.code == 1)
    #expect(try #require(none.sentence).hasPrefix("none is not a folder"))
  }

  @Test(
    "on all measurements, every requirement is met",
    .enabled(if: SharedMaterial.has("data/ground-truth/runs.csv"), "the measurements are not here"))
  func everything() throws {
    let result = try Program.run(
      "fidelity", "--data", SharedMaterial.file("data/ground-truth").path, "--phases", "8", "--replicas", "40",
      "--strict")
    #expect(result.code == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("limit rewritten"))
  }
}
