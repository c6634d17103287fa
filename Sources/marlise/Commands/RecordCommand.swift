import Autoscaling
import Control
import Foundation
import Kubernetes
import Terminal

/// `marlise record`: what the pods of a cluster really use, to train and evaluate on.
enum RecordCommand {
  static let command = Command(
    "record", summary: "Record what the pods of a cluster use, as a trace and a sample file.",
    discussion: """
      Reads usage, limits and throttling of the selected pods and, where a Prometheus knows them, request rates and response \
      times. Changes nothing. The trace (second,rps; per pod) is what `train --trace` and `eval --trace` play; the sample file \
      has every sample. Both are written as they come, until Ctrl-C or --duration.
      """,
    options: Option.section(
      "Recording",
      [
        .path("samples", default: "samples.csv", help: "Every sample: a CSV file."),
        .path("trace", default: "trace.csv", help: "The pods' mean request rate, second by second: a CSV file."),
        .float("interval", default: 1, .atLeast(0.1, atMost: 3600), metavar: "S", help: "Seconds between readings."),
        .int("duration", in: 1...10_000_000, metavar: "S", help: "Seconds to record.  Default: until Ctrl-C."),
        .string(
          "rate_query", metavar: "PROMQL",
          help: "Requests per second: a query of --prometheus with one value per namespace and pod."),
        .float(
          "service_demand", .atLeast(0.01, atMost: 60_000), metavar: "MS",
          help: "Without --rate_query: estimate rates from CPU time, this much per request."),
        .int("n_agents", in: 1...10_000, metavar: "N", help: "The first so many pods by name.  Default: all."),
        OutputFile.force,
        LogOptions.format,
      ]) + LiveOptions.connection + LiveOptions.metrics,
    examples: [
      Example(
        "marlise record --selector app=web --prometheus http://127.0.0.1:9090 --rate_query "
          + "'sum by (namespace, pod) (rate(http_requests_total[30s]))'", "Rates from Prometheus"),
      Example("marlise record --selector app=web --service_demand 12 --duration 3600", "An hour, rates from CPU time"),
    ]
  ) { try run($0) }

  private static func run(_ options: ParsedOptions) throws -> ExitCode {
    let choice = try LiveOptions.metrics(options)
    let rateQuery = options.optionalString("rate_query")
    let latencyQuery = options.optionalString("latency_query")
    let prometheus = rateQuery != nil || latencyQuery != nil ? try choice.prometheus() : nil
    let rates: PodRecorder.Rates =
      rateQuery != nil
      ? .measured : options.optionalFloat("service_demand").map { .estimated(secondsPerRequest: $0 / 1000) } ?? .none
    let samples = try OutputFile(options.string("samples"), option: "samples", force: options.flag("force"))
    var trace: OutputFile?
    if case .none = rates {
      if options.wasGiven("trace") {
        throw options.rejection(
          "trace", "needs request rates: give --rate_query with --prometheus, or --service_demand")
      }
    } else {
      trace = try OutputFile(options.string("trace"), option: "trace", force: options.flag("force"))
    }

    let client = try LiveOptions.connect(options, budget: nil)
    let survey = try ClusterSurvey(
      client, selection: LiveOptions.selection(options, client: client), pool: options.optionalString("pool"))
    let log = LogOptions.log(options)
    let source = try choice.source(survey, places: options.optionalInt("n_agents")) { log.warning($0) }
    let interval = options.float("interval")
    var configuration = LiveConfiguration(
      selection: survey.selection, capacity: 1 << 40, shield: SafetyShield(minimum: 0, maximum: 1 << 40))
    configuration.poolName = options.optionalString("pool")
    configuration.places = options.optionalInt("n_agents")
    configuration.patience = min(interval / 2, 5)
    configuration.duration = options.optionalInt("duration").map(Double.init)
    configuration.applies = false
    configuration.sendsEvents = false
    configuration.say = { log.warning($0) }
    Interruption.install()
    guard let cluster = try LiveInference.follow(survey, configuration, source, OriginalsAnnotation(client)) else {
      return .finished
    }
    defer { cluster.stop() }
    let recorder = try PodRecorder(samples: samples.path, trace: trace?.path, rates: rates)
    log.info("recording", ["pods": .int(survey.selected.count), "metrics": .text(source.name)])

    let start = Clock.monotonic()
    var buffer: [PodSample] = []
    while try cluster.awaitRound(interval: interval) {
      buffer = Array(repeating: .absent(at: 0), count: cluster.places.count)
      try buffer.withUnsafeMutableBufferPointer { try cluster.sample(into: $0) }
      var measured: [String: Double] = [:]
      var responses: [String: Double] = [:]
      if let prometheus {
        do {
          if let rateQuery { measured = try prometheus.values(rateQuery) }
          if let latencyQuery { responses = try prometheus.values(latencyQuery) }
        } catch { log.warning("\(error)") }
      }
      let readings = cluster.keys.enumerated().compactMap { place, key in
        key.flatMap { place < buffer.count && buffer[place].isPresent ? (key: $0, sample: buffer[place]) : nil }
      }
      try recorder.take(readings, elapsed: Clock.monotonic() - start, rates: measured, responses: responses)
    }
    try Output.standardOutput.write(
      "\(recorder.samplesWritten) samples in \(samples.path)"
        + (trace.map { "; \(recorder.secondsWritten) seconds in \($0.path)" } ?? "") + "\n")
    return .finished
  }
}
