import PodSimulation
import Terminal

/// The load of simulated pods, as options: the same for `train`, `eval`, `infer --cluster simulated` and `workload show`.
enum WorkloadOptions {
  /// - Parameter mean: default of `--rps`.
  static func options(mean: Double = 15) -> [Option] {
    Option.section(
      "Load",
      [
        .choice(
          "workload", Workload.names.filter { $0 != "trace" }, default: "diurnal",
          help: "Shape of the request rate of every pod. `marlise workload list` describes them."),
        .float("rps", default: mean, .atLeast(0.1, atMost: 100_000), help: "Mean request rate of a pod, requests/s."),
        .float(
          "min_rps", default: 1, .atLeast(0, atMost: 100_000),
          help: "No second's rate is below this; with --random_rps also the lowest mean."),
        .flag(
          "random_rps", help: "Each pod's mean is drawn anew for every episode, uniformly from --min_rps to --rps."),
        .path("trace", help: "Play a recorded rate instead: a CSV file with the columns second,rps."),
      ] + shape)
  }

  /// What is made of a shape or a recording.
  static let shape: [Option] = [
    .strings(
      "shape", metavar: "NAME=VALUE",
      help: "Parameters of the workload in place of their defaults, such as period=60 amplitude=0.5."),
    .float(
      "trace_mean_rps", .atLeast(0.1, atMost: 100_000), metavar: "R",
      help: "Rescale the trace to this mean per pod; without it a trace keeps its source's scale."),
    .ints(
      "trace_part", in: 0...1_000_000_000, metavar: "S",
      help: "Use a part of the trace: its first second, and the second that is used no more."),
    .paths("trace_append", help: "Further recordings, played one after the other behind the trace."),
    .int(
      "trace_compression", default: 1, in: 1...1_000_000, metavar: "N", help: "Play N seconds of it as one, their mean."
    ),
    .int(
      "trace_smoothing", default: 1, in: 1...1_000_000, metavar: "S",
      help: "Moving average over S seconds: counted requests hold noise that a rate does not."),
    .float(
      "trace_noise", default: 0, .atLeast(0, atMost: 10), metavar: "CV",
      help: "Multiply every second by noise of mean 1 and this standard deviation, another in every episode."),
    .int("trace_start", in: 0...1_000_000_000, metavar: "S", help: "First second of the trace that is played."),
    .int(
      "trace_offset", in: 0...1_000_000_000, metavar: "S",
      help: "Seconds that each pod reads behind the one before it.  Default: spread over the whole trace."),
  ]

  /// - Parameter randomWindow: whether each episode plays another part of a trace, as training wants it.
  static func settings(_ options: ParsedOptions, randomWindow: Bool) throws -> WorkloadSettings {
    let mean = options.float("rps")
    let minimum = options.float("min_rps")
    guard minimum <= mean else {
      throw options.rejection("min_rps", "is \(minimum), expected at most --rps (\(mean))")
    }
    var settings = WorkloadSettings(options.string("workload"), mean: mean, minimum: minimum)
    settings.meanVaries = options.flag("random_rps")
    if let path = options.optionalString("trace") {
      settings.name = "trace"
      settings.minimum = 0
      if let rescaled = options.optionalFloat("trace_mean_rps") { settings.mean = rescaled }
      settings.trace = try trace(path, options, randomWindow: randomWindow)
    } else {
      try refuseTraceOptions(options, "needs --trace")
      settings.parameters = try parameters(options)
    }
    return settings
  }

  /// The recording that the options describe.
  static func trace(_ path: String, _ options: ParsedOptions, randomWindow: Bool) throws -> TraceSettings {
    if !options.strings("shape").isEmpty { throw options.rejection("shape", "is for generated loads, not for a trace") }
    let part = options.ints("trace_part")
    guard part.isEmpty || (part.count == 2 && part[0] < part[1]) else {
      throw options.rejection("trace_part", "is \(part), expected two seconds, the second one later")
    }
    let start = options.optionalInt("trace_start")
    if randomWindow, start == nil, options.optionalInt("trace_offset") != nil {
      throw options.rejection("trace_offset", "needs --trace_start: without one every pod reads from a random second")
    }
    var trace = TraceSettings(
      path: path, compression: options.int("trace_compression"), smoothing: options.int("trace_smoothing"),
      noise: options.float("trace_noise"), start: start ?? (randomWindow ? nil : 0),
      isRescaled: options.optionalFloat("trace_mean_rps") != nil)
    (trace.from, trace.to) = (part.first, part.last)
    trace.followers = options.strings("trace_append")
    trace.offset = options.optionalInt("trace_offset")
    return trace
  }

  /// Refuses what is for traces only; a file of a run's settings has the defaults of all options, which say nothing.
  static func refuseTraceOptions(_ options: ParsedOptions, _ complaint: String) throws {
    let given = [
      ("trace_mean_rps", options.optionalFloat("trace_mean_rps") != nil),
      ("trace_part", !options.ints("trace_part").isEmpty), ("trace_append", !options.strings("trace_append").isEmpty),
      ("trace_compression", options.int("trace_compression") != 1),
      ("trace_smoothing", options.int("trace_smoothing") != 1), ("trace_noise", options.float("trace_noise") != 0),
      ("trace_start", options.optionalInt("trace_start") != nil),
      ("trace_offset", options.optionalInt("trace_offset") != nil),
    ]
    for (name, isGiven) in given where isGiven { throw options.rejection(name, complaint) }
  }

  /// `--shape` as numbers by name; whether the workload has them, the workload says.
  static func parameters(_ options: ParsedOptions) throws -> [String: Double] {
    var parameters: [String: Double] = [:]
    for text in options.strings("shape") {
      let parts = text.split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, let value = Double(parts[1]), value.isFinite else {
        throw options.rejection("shape", "has '\(text)', expected a name, = and a number, such as period=60")
      }
      guard parameters.updateValue(value, forKey: String(parts[0])) == nil else {
        throw options.rejection("shape", "has '\(parts[0])' twice")
      }
    }
    return parameters
  }
}
