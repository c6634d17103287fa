import Foundation
import HTTPServer
import Terminal

/// `marlise demo-service`: something to scale.
enum DemoServiceCommand {
  static let command = Command(
    "demo-service", summary: "Serve requests that cost a stated amount of CPU.",
    discussion: """
      Answers GET and POST /predict after burning so much CPU time, /healthz, and /metrics with response times \
      (demo_request_duration_seconds). Requests beyond the queue get 503. The demo's pods run it; `marlise load` and scripts/load.sh load it.
      """,
    options: Option.section(
      "Service",
      [
        .string("listen", default: "127.0.0.1", metavar: "ADDRESS", help: "Address of this machine to listen on."),
        .int("port", default: 8080, in: 0...65_535, help: "Port; 0 takes a free one."),
        .float(
          "cpu_ms", default: 10, .atLeast(0.01, atMost: 60_000), metavar: "MS", help: "CPU time of a request, mean."),
        .choice(
          "distribution", ["exponential", "deterministic"], default: "exponential",
          help: "Distribution of the CPU time."),
        .int("workers", default: 4, in: 1...64, metavar: "W", help: "Requests served at the same time."),
        .int("queue", default: 256, in: 1...100_000, metavar: "N", help: "Requests that may wait."),
        .int("seed", default: 1, in: 0...Int.max, help: "Seed of the CPU times."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to run.  Default: until Ctrl-C."),
        LogOptions.format,
      ]),
    examples: [Example("marlise demo-service --cpu_ms 12", "Then: curl http://127.0.0.1:8080/predict")]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    var load = DemoService.Load()
    load.cost = options.float("cpu_ms") / 1000
    load.isExponential = options.string("distribution") == "exponential"
    load.workers = options.int("workers")
    load.queueMaximum = options.int("queue")
    load.seed = UInt64(options.int("seed"))
    let service = DemoService(load)
    defer { service.stop() }
    var configuration = Server.Configuration()
    configuration.address = options.string("listen")
    configuration.port = UInt16(clamping: options.int("port"))
    Interruption.install()
    let server = try Server(configuration) { service.answer($0) }
    LogOptions.log(options).info("serving", ["url": .text("http://\(configuration.address):\(server.port)/predict")])
    let end = options.optionalInt("duration").map { Clock.monotonic() + Double($0) } ?? .infinity
    while !Interruption.requested, Clock.monotonic() < end { Thread.sleep(forTimeInterval: 0.05) }
    server.stop(graceSeconds: 5)
    return .finished
  }
}
