import COpenBLAS
import Checkpoints
import Foundation
import Learning
import NeuralNetwork
import RandomStreams
import Training

/// What is measured: the learners' updates, decisions, and matrix products beside them.
struct Workloads {
  let clock: Clock
  let runs: Int
  static let inputs = 42

  /// Multiply-adds ×2 of one update, in millions: forward 2W per row and pass, weight gradient 2W, input gradient 2W without
  /// the first layer.
  static let megaflops = [
    "mdqn": 19.04, "dmdqn": 23.97, "ddmdqn": 48.10, "ppo": 74.8, "ippo": 74.8, "dppo": 75.0, "ddpg": 44.5,
    "iddpg": 44.5,
  ]

  // MARK: Matrix products

  /// The best rate of sgemm on one thread: a large product, and products of the layers' size.
  func products() -> [Row] {
    openblas_set_num_threads(1)
    var rows: [Row] = []
    for (m, n, k) in [(768, 768, 768), (128, 64, 42), (128, 128, 64), (128, 64, 128)] {
      let (a, b, c) = (numbers(m * k), numbers(k * n), FloatBuffer(m * n))
      let flops = 2 * Double(m) * Double(n) * Double(k)
      let repeats = max(1, Int(2e8 / flops))
      let blas = Measurement(clock: clock, runs: runs, operations: repeats) {
        for _ in 0..<repeats {
          cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(m), Int32(n), Int32(k), 1, a.pointer, Int32(k), b.pointer,
            Int32(n), 0, c.pointer, Int32(n))
        }
      }
      rows.append(rate("sgemm \(m)x\(n)x\(k) OpenBLAS", blas, flops: flops))
      if m <= 128 {
        let layer = MLP(NetworkShape(inputs: k, layers: [(n, .relu)]))
        let room = Workspace(layer.shape, rows: m, training: false)
        let own = Measurement(clock: clock, runs: runs, operations: repeats) {
          for _ in 0..<repeats { layer.forward(a.pointer, stride: k, rows: m, in: room) }
        }
        rows.append(rate("layer \(m)x\(n)x\(k), bias and relu too", own, flops: flops))
      }
      withExtendedLifetime((a, b, c)) {}
    }
    return rows
  }

  private func rate(_ name: String, _ time: Measurement, flops: Double) -> Row {
    Row(
      name: name, threads: 1, value: flops / time.median * 1e-9, unit: "GFLOP/s", best: flops / time.best * 1e-9,
      gigaflops: flops / time.median * 1e-9)
  }

  // MARK: Updates

  /// Updates per second of `agents` agents together, without acting and storing.
  func updates(_ name: String, agents: Int, threads: Int, updates: Int, kernels: Kernels = .own) throws -> Row {
    try Kernels.using(kernels) {
      try self.updates(name, agents: agents, threads: threads, updates: updates, title: title(kernels))
    }
  }

  private func title(_ kernels: Kernels) -> String { kernels == .blas ? ", OpenBLAS" : "" }

  private func updates(_ name: String, agents: Int, threads: Int, updates: Int, title: String) throws -> Row {
    let course = try UpdateCourse(name, agents: agents, threads: threads, updates: updates, inputs: Self.inputs)
    var seconds: [Double] = []
    for run in 0...runs {
      let time = try course.run(clock)
      if run > 0 { seconds.append(time) }
    }
    return row("\(name) update, \(agents) agent\(agents == 1 ? "" : "s")\(title)", seconds, threads, flops: name)
  }

  /// Three agents' updates on one thread and on two, by turns, and the median of the turns' ratios: what the machine does to
  /// one it does to the other. Before them two agents, which share nothing: what two threads of this machine can do at all.
  func scaling(_ name: String, updates: Int) throws -> [Row] {
    try [2, 3].flatMap { agents in
      let courses = try [1, 2].map {
        try UpdateCourse(name, agents: agents, threads: $0, updates: updates, inputs: Self.inputs)
      }
      return try byTurns("\(name) update, \(agents) agents", flops: name) { try courses[$0].run(clock) }
    }
  }

  /// `measure(0)` on one thread and `measure(1)` on two, by turns: seconds per update.
  private func byTurns(_ title: String, flops: String, measure: (Int) throws -> Double) rethrows -> [Row] {
    var seconds: [[Double]] = [[], []]
    for run in 0...runs {
      for index in 0..<2 {
        let time = try measure(index)
        if run > 0 { seconds[index].append(time) }
      }
    }
    let ratios = zip(seconds[0], seconds[1]).map { $0 / $1 }.sorted()
    return (0..<2).map { row(title, seconds[$0], $0 + 1, flops: flops) } + [
      Row(
        name: "\(title), 2 threads : 1", threads: 2, value: ratios[ratios.count / 2], unit: "x",
        best: ratios[ratios.count - 1])
    ]
  }

  private func row(_ title: String, _ times: [Double], _ threads: Int, flops: String) -> Row {
    let seconds = times.sorted()
    let median = seconds[seconds.count / 2]
    return Row(
      name: title, threads: threads, value: 1 / median, unit: "updates/s", best: 1 / seconds[0],
      gigaflops: Self.megaflops[flops].map { $0 / median * 1e-3 })
  }

  // MARK: Training

  /// The whole loop at the published ratio, one update per agent and step: one cluster of three pods, simulation,
  /// exploration, replay and learning; on one thread and on two, by turns.
  func training(_ name: String, episodes: Int) throws -> [Row] {
    var settings = TrainingSettings()
    settings.algorithm = name
    settings.episodes = 1_000_000
    let trainers = try [1, 2].map { try Trainer(settings, threads: $0) }
    return try byTurns("\(name) training, 3 pods", flops: name) { index in
      // Begins where every agent learns at every step.
      while try trainers[index].runEpisode().updates == 0 {}
      let start = clock.now()
      var updates = 0
      for _ in 0..<episodes { updates += try trainers[index].runEpisode().updates }
      return (clock.now() - start) / Double(updates)
    }
  }

  // MARK: Checkpoints

  /// Writing (with sync and rename) and reading the whole state of three agents after one round of memory.
  func checkpoints(_ name: String) throws -> [Row] {
    var settings = TrainingSettings()
    settings.algorithm = name
    let trainer = try Trainer(settings, threads: 1)
    for _ in 0..<20 { _ = try trainer.runEpisode() }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("marlise-bench-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("bench.h5").path
    let save = try Measurement(clock: clock, runs: runs, operations: 1) { try trainer.checkpoint().write(to: path) }
    let load = try Measurement(clock: clock, runs: runs, operations: 1) {
      _ = try Checkpoint.read(path, including: .everything)
    }
    return [("save", save), ("load", load)].map {
      Row(
        name: "\(name) checkpoint, 3 agents, \($0.0)", threads: 1, value: $0.1.median * 1e3, unit: "ms",
        best: $0.1.best * 1e3)
    }
  }

  // MARK: Decisions

  func decision(_ name: String, repeats: Int, kernels: Kernels = .own) throws -> Row {
    let policy = try Kernels.using(kernels) { try self.policy(name, sets: 1, agents: 1, threads: 1) }
    let (x, action) = (numbers(Self.inputs), FloatBuffer(1))
    let time = Measurement(clock: clock, runs: runs, operations: repeats) {
      for _ in 0..<repeats { policy.decide(x.pointer, into: action.pointer) }
    }
    withExtendedLifetime((x, action)) {}
    return Row(
      name: "\(name) decision, one agent\(title(kernels))", threads: 1, value: time.median * 1e6, unit: "us",
      best: time.best * 1e6)
  }

  /// One controller tick for many agents, sharing one network or each with its own.
  func tick(_ name: String, agents: Int, shared: Bool, threads: Int, kernels: Kernels = .own) throws -> Row {
    let policy = try Kernels.using(kernels) {
      try self.policy(name, sets: shared ? 1 : agents, agents: agents, threads: threads)
    }
    let (x, actions) = (numbers(agents * Self.inputs), FloatBuffer(agents))
    let time = Measurement(clock: clock, runs: runs, operations: 1) {
      policy.decide(x.pointer, into: actions.pointer)
    }
    withExtendedLifetime((x, actions)) {}
    return Row(
      name: "\(name), \(agents) agents, \(shared ? "one network" : "own networks")\(title(kernels))", threads: threads,
      value: time.median * 1e3, unit: "ms", best: time.best * 1e3)
  }

  private func policy(_ name: String, sets: Int, agents: Int, threads: Int) throws -> GreedyPolicy {
    let algorithm = try Algorithms.named(name)
    let agent = try algorithm.makeAgent(
      settings: algorithm.settings,
      AgentContext(algorithm: name, actionKind: algorithm.actionKind, inputs: Self.inputs))
    let networks = Dictionary(uniqueKeysWithValues: agent.networks.map { ($0.name, $0.parameters) })
    return try GreedyPolicy(
      algorithm: name, sets: Array(repeating: networks, count: sets),
      assignment: sets == 1 ? Array(repeating: 0, count: agents) : nil, threads: threads)
  }

  private func numbers(_ count: Int) -> FloatBuffer {
    var random = RandomStream(seed: 3, purpose: "bench numbers")
    let buffer = FloatBuffer(count)
    for index in 0..<count { buffer.pointer[index] = random.uniform() }
    return buffer
  }
}
