import PodSimulation
import Terminal

/// The load of simulated pods, as options: the same for `train`, `eval` and `infer --cluster simulated`.
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
        .float(
          "trace_mean_rps", .atLeast(0.1, atMost: 100_000), metavar: "R",
          help: "Rescale the trace to this mean per pod; without it a trace keeps its source's scale."),
        .int("trace_start", in: 0...1_000_000_000, metavar: "S", help: "First second of the trace that is played."),
      ])
  }

  /// - Parameter randomWindow: whether each episode plays another part of a trace, as training wants it.
  static func settings(_ options: ParsedOptions, randomWindow: Bool) throws -> WorkloadSettings {
    try settings(
      options, workload: options.string("workload"), trace: options.optionalString("trace"), randomWindow: randomWindow)
  }

  /// The same options for many loads: `--workload` and `--trace` take several each.
  static func optionsForMany(mean: Double = 15) -> [Option] {
    options(mean: mean).map { option in
      let list: Option
      switch option.name {
      case "workload":
        list = .choices(
          "workload", option.choices,
          help:
            "Shapes of the request rate. `marlise workload list` describes them.  Default: diurnal, unless there is a "
            + "trace.")
      case "trace":
        list = .paths("trace", help: "Recorded rates: CSV files with the columns second,rps.")
      default: return option
      }
      return Option.section(option.section, [list])[0]
    }
  }

  /// - Parameter trace: the file that is played instead of `workload`.
  static func settings(
    _ options: ParsedOptions, workload: String, trace: String?, randomWindow: Bool
  ) throws -> WorkloadSettings {
    let mean = options.float("rps")
    let minimum = options.float("min_rps")
    guard minimum <= mean else {
      throw options.rejection("min_rps", "is \(minimum), expected at most --rps (\(mean))")
    }
    var settings = WorkloadSettings(workload, mean: mean, minimum: minimum)
    settings.meanVaries = options.flag("random_rps")
    if let path = trace {
      let rescaled = options.optionalFloat("trace_mean_rps")
      settings.name = "trace"
      settings.minimum = 0
      if let rescaled { settings.mean = rescaled }
      settings.trace = TraceSettings(
        path: path, start: options.optionalInt("trace_start") ?? (randomWindow ? nil : 0), isRescaled: rescaled != nil)
    } else {
      for name in ["trace_mean_rps", "trace_start"] where options.wasGiven(name) && !options.wasGiven("trace") {
        throw options.rejection(name, "needs --trace")
      }
    }
    return settings
  }
}
