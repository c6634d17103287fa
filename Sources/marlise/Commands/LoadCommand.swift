import Foundation
import Kubernetes
import PodSimulation
import Terminal

/// `marlise load`: the simulator's loads on a real service.
enum LoadCommand {
  static let command = Command(
    "load", summary: "Send requests to services, at the rates of a workload.",
    discussion: """
      Asks each URL as the simulator asks a pod: at the rates that --workload gives, at random moments within each second, and \
      without waiting for earlier answers. What it reports are response times from the moment at which a request was due, so \
      that a service that answers late is not asked less. Where more than --connections requests are on their way, the others \
      wait for their turn, and that time counts.
      """,
    options: Option.section(
      "Requests",
      [
        .strings("url", metavar: "URL", help: "What to ask for with GET; each has a load of its own.  Required."),
        .int("connections", default: 64, in: 1...1024, metavar: "N", help: "Requests on their way at the same time."),
        .float(
          "timeout", default: 10, .atLeast(0.1, atMost: 600), metavar: "S", help: "Seconds to wait for an answer."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        .int("report", default: 10, in: 1...3600, metavar: "S", help: "Seconds between reports."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of rates and moments."),
        LogOptions.format,
      ]) + WorkloadOptions.options(),
    examples: [
      Example("marlise load --url http://127.0.0.1:8080/predict --rps 20", "A service as it would be in the simulator"),
      Example(
        "marlise load --url http://demo-0.demo:8080/predict http://demo-1.demo:8080/predict --workload bursty",
        "Two pods with a load each"),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let urls = options.strings("url")
    guard !urls.isEmpty else { throw options.rejection("url", "is required: what to ask for") }
    let targets = try urls.map { text in
      guard let target = LoadGenerator.Target(text) else {
        throw options.rejection("url", "is '\(text)', expected an address such as http://127.0.0.1:8080/predict")
      }
      return target
    }
    let workload = try Workload(WorkloadOptions.settings(options, randomWindow: false))
    // A server that goes away while it is written to is an answer that did not come, not our end.
    signal(SIGPIPE, SIG_IGN)
    Interruption.install()
    let log = LogOptions.log(options)
    let generator = LoadGenerator(
      targets, workload, connections: options.int("connections"), timeout: options.float("timeout"),
      seed: UInt64(options.int("seed")))
    defer { generator.stop() }
    log.info("sending", ["urls": .int(urls.count), "workload": .text(workload.settings.name)])
    let end = options.optionalInt("duration").map { Clock.monotonic() + Double($0) } ?? .infinity
    let interval = Double(options.int("report"))
    var due = Clock.monotonic() + interval
    generator.start()
    while !Interruption.requested, Clock.monotonic() < end {
      Thread.sleep(forTimeInterval: 0.05)
      guard Clock.monotonic() >= due else { continue }
      due += interval
      report(generator.take(), log)
    }
    generator.stop()
    let total = generator.total
    try Output.standardOutput.write("answers  status\n")
    for (status, count) in total.statuses.sorted(by: { $0.key < $1.key }) {
      try Output.standardOutput.write("\(String(count).padded(to: 7))  \(status == 0 ? "none" : String(status))\n")
    }
    return .finished
  }

  private static func report(_ counts: LoadGenerator.Counts, _ log: Log) {
    func milliseconds(_ share: Double) -> Log.Value {
      counts.latencies.quantile(share).map { .float(($0 * 1e5).rounded() / 100) } ?? .text("none")
    }
    log.info(
      "answers",
      [
        "good": .int(counts.statuses.filter { (200..<300).contains($0.key) }.values.reduce(0, +)),
        "bad": .int(counts.statuses.filter { !(200..<300).contains($0.key) }.values.reduce(0, +)),
        "waiting": .int(counts.waiting), "p50_ms": milliseconds(0.5), "p95_ms": milliseconds(0.95),
        "p99_ms": milliseconds(0.99),
      ])
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
