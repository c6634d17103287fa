import Checkpoints
import Terminal
import Training

/// The runs that a sweep asks for: settings × seeds, each with its whole configuration.
struct SweepPlan {
  struct Run {
    /// The folder, named by what varies and by the whole configuration: another configuration is another run.
    let name: String
    let seed: Int
    /// For `marlise train --config`.
    let yaml: String
  }

  let axes: [SweepAxis]
  /// A value per axis.
  let settings: [[String]]
  /// Of each setting, one run per seed.
  let seeds: [[Run]]

  var runs: Int { seeds.reduce(0) { $0 + $1.count } }

  /// What decides where and how a run is done, not what it learns: the sweep's own business.
  private static let reserved = ["out", "force", "resume", "threads", "debug"]

  /// - Throws: one sentence for whatever could not be trained, whichever setting has it.
  init(_ options: ParsedOptions) throws {
    axes = try Self.reading("grid", options) {
      try SweepAxis.joined(options.strings("grid")).map { try SweepAxis($0) }
    }
    guard !axes.isEmpty else {
      throw CommandLineError("'marlise sweep' needs --grid KEY=VALUE,VALUE (see 'marlise sweep --help')")
    }
    for (index, axis) in axes.enumerated() where axes[..<index].contains(where: { $0.key == axis.key }) {
      throw options.rejection("grid", "has \(axis.key) twice")
    }
    let draws = options.optionalInt("random")
    let axes = axes
    settings = try Self.reading(draws == nil ? "grid" : "random", options) {
      guard let draws else { return try SweepSpace.grid(axes) }
      return SweepSpace.draws(axes, count: draws, seed: UInt64(options.int("draw_seed")))
    }
    guard settings.count * options.int("seeds") <= SweepSpace.limit else {
      throw options.rejection(
        "seeds", "makes \(settings.count * options.int("seeds")) runs, expected at most \(SweepSpace.limit)")
    }
    let train = TrainCommand.command
    let base = options.optionalString("train").map { ["--config", $0] } ?? []
    let common = try SweepAxis.joined(options.strings("set")).flatMap { word -> [String] in
      let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2 else { throw options.rejection("set", "has '\(word)', expected KEY=VALUE") }
      return try Self.tokens(sides[0], sides[1], "set", options)
    }
    seeds = try settings.map { values in
      let varied = try zip(axes, values).flatMap { try Self.tokens($0.key, $1, "grid", options) }
      let first = try Self.naming(axes, values) { try train.options(base + common + varied) }.int("seed")
      return try (0..<options.int("seeds")).map { index in
        let (seed, overflows) = first.addingReportingOverflow(index)
        guard !overflows else { throw options.rejection("seeds", "goes beyond the largest seed") }
        let words = base + (common + varied).filter { !$0.hasPrefix("--seed=") } + ["--seed=\(seed)"]
        let yaml = try Self.naming(axes, values) { try train.options(words) }.yaml(leavingOut: Self.reserved)
        return Run(name: Self.name(axes, values, seed: seed, yaml), seed: seed, yaml: yaml)
      }
    }
  }

  private static func reading<Value>(
    _ name: String, _ options: ParsedOptions, _ body: () throws -> Value
  ) throws -> Value {
    do {
      return try body()
    } catch let error as TrainingError {
      throw options.rejection(name, "is wrong: \(error)")
    }
  }

  private static func tokens(
    _ key: String, _ value: String, _ name: String, _ options: ParsedOptions
  ) throws -> [String] {
    guard !reserved.contains(key), name != "grid" || key != "seed" else {
      throw options.rejection(
        name, key == "seed" ? "has seed; --seeds says how many each setting has" : "has \(key), which the sweep decides"
      )
    }
    do {
      return try TrainCommand.command.tokens(setting: key, to: value)
    } catch let error as CommandLineError {
      throw options.rejection(name, "is wrong: \(error)")
    }
  }

  /// Says which setting has what is wrong.
  private static func naming(
    _ axes: [SweepAxis], _ values: [String], _ body: () throws -> ParsedOptions
  ) throws -> ParsedOptions {
    do {
      return try body()
    } catch let error as CommandLineError {
      throw CommandLineError("\(error)   (setting \(label(axes, values)))")
    }
  }

  private static func label(_ axes: [SweepAxis], _ values: [String]) -> String {
    zip(axes, values).map { "\($0.key)=\($1)" }.joined(separator: " ")
  }

  private static func name(_ axes: [SweepAxis], _ values: [String], seed: Int, _ yaml: String) -> String {
    let text = label(axes, values) + " seed=\(seed)"
    let safe = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || "=.:_-".contains($0)) ? $0 : "," }
    return String(safe.prefix(120)) + "-" + SHA256.hexDigest(of: yaml).prefix(8)
  }

  /// Options that do not change what validation plays and how it is scored; a sweep over others compares unlike things.
  private static let comparable: Set<String> = Set(AgentOptions.options.map(\.name)).union([
    "algorithm", "episodes", "steps", "clusters", "share_parameters", "load_weights", "patience", "min_delta",
    "observation", "independent_state", "actions", "increment_action", "scale_action", "action_basis", "headroom_band",
    "start", "reset_env", "pool_spread", "double", "dueling", "discrete", "instant", "five", "eleven",
  ])

  var comparabilityWarning: String? {
    let others = axes.map(\.key).filter { !Self.comparable.contains($0) }
    guard !others.isEmpty else { return nil }
    return
      "warning: the sweep varies \(others.joined(separator: ", ")), which may change what validation plays or how it is "
      + "scored; scores of different values then say little about each other"
  }
}
