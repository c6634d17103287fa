import COpenBLAS
import Learning
import NeuralNetwork
import RandomStreams

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
    let algorithm = try Algorithms.named(name)
    var settings = algorithm.settings
    if var dqn = settings as? DQNSettings {
      dqn.updatesPerRound = updates
      settings = dqn
    }
    if var ppo = settings as? PPOSettings {
      ppo.epochs = updates
      // Epochs by the hundred on one rollout are for timing; small steps keep them finite.
      ppo.actorOptimiser.learningRate = 1e-6
      ppo.criticOptimiser.learningRate = 1e-6
      settings = ppo
    }
    if var ddpg = settings as? DDPGSettings {
      ddpg.updatesPerRound = updates
      settings = ddpg
    }
    let group = try AgentGroup(
      algorithm, settings: settings, count: agents, inputs: Self.inputs, seed: 1, threads: threads)
    let data = numbers(agents * Self.inputs)
    let (actions, rewards, ends) = (FloatBuffer(agents), FloatBuffer(agents), FloatBuffer(agents))
    var random = RandomStream(seed: 2, purpose: "bench")
    func step() {
      for index in 0..<data.count { data.pointer[index] = random.uniform() }
      for index in 0..<agents { rewards.pointer[index] = random.uniform() }
      group.act(data.pointer, exploring: true, into: actions.pointer)
      group.store(
        observations: data.pointer, actions: actions.pointer, rewards: rewards.pointer, nextObservations: data.pointer,
        ends: ends.pointer)
    }
    func fill() { while !group.agents[0].isUpdateDue { step() } }
    var seconds: [Double] = []
    for run in 0...runs {
      fill()
      let start = clock.now()
      try group.learn()
      if run > 0 { seconds.append((clock.now() - start) / Double(agents * updates)) }
    }
    seconds.sort()
    let median = seconds[seconds.count / 2]
    withExtendedLifetime((data, actions, rewards, ends)) {}
    return Row(
      name: "\(name) update, \(agents) agent\(agents == 1 ? "" : "s")\(title)", threads: threads, value: 1 / median,
      unit: "updates/s", best: 1 / seconds[0], gigaflops: Self.megaflops[name].map { $0 / median * 1e-3 })
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
