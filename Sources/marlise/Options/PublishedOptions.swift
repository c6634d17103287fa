import Learning
import Terminal

/// The published trainers' switches for what has a name or a value of its own here.
enum PublishedOptions {
  static let options: [Option] = Option.section(
    "Published switches",
    [
      .flag("double", help: "mdqn becomes dmdqn."),
      .flag("dueling", help: "A dueling network; with --double, mdqn becomes ddmdqn."),
      .flag("discrete", help: "ppo becomes dppo."),
      .flag("instant", help: "ppo becomes ippo, ddpg iddpg."),
      .flag("five", help: "The same as --actions 5."),
      .flag("eleven", help: "The same as --actions 11."),
      .int(
        "interval", default: 1000, in: 1...3_600_000, metavar: "MS",
        help:
          "Milliseconds between the requests of one of the published load generator's users, of which --rps is then "
          + "the number."),
      .flag("old_reward", help: "Accepted and without effect, as published."),
      .flag("debug", help: "A line per step and agent of the first cluster."),
    ])

  /// The algorithm that `--algorithm` and the switches name together.
  static func algorithm(_ options: ParsedOptions) throws -> AlgorithmDescription {
    try Algorithms.variant(
      of: Algorithms.named(options.string("algorithm")),
      PublishedSwitches(
        double: options.flag("double"), dueling: options.flag("dueling"), discrete: options.flag("discrete"),
        instant: options.flag("instant")))
  }

  /// Choices of a discrete algorithm.
  static func choices(_ options: ParsedOptions) throws -> Int {
    let given = [("five", 5), ("eleven", 11)].filter { options.flag($0.0) }
    if given.count > 1 { throw options.rejection("five", "contradicts --eleven") }
    guard let (name, count) = given.first else { return options.int("actions") }
    if options.source("actions") == .commandLine, options.int("actions") != count {
      throw options.rejection(name, "contradicts --actions \(options.int("actions"))")
    }
    return count
  }

  /// Requests per second of one pod, of a rate given per user.
  static func rate(_ rate: Double, _ options: ParsedOptions) -> Double {
    rate * 1000 / Double(options.int("interval"))
  }
}
