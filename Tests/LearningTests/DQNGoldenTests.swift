import NeuralNetwork
import TestSupport
import Testing

@testable import Learning

@Suite("DQN update against goldens")
struct DQNGoldenTests {
  static let cases = [
    "dqn", "double", "dueling_per_sample", "dueling_whole_batch", "double_dueling_per_sample", "dqn_clipping",
  ]

  @Test("one gradient step matches, in one part or two, with each kernel", arguments: cases, Kernels.withParts)
  func step(name: String, setup: KernelsAndParts) throws {
    try Kernels.using(setup.kernels) { try step(name, parts: setup.parts) }
  }

  private func step(_ name: String, parts: Int) throws {
    let golden = try Golden.load("dqn_step")[name]
    let form = try golden.attribute("dueling_mean").string
    let isDueling = form != "none"
    var settings = DQNSettings(double: try golden.attribute("double").bool, dueling: isDueling)
    settings.hidden = [8, 16, 8]
    settings.featureWidths = [16]
    settings.streamWidths = [16]
    settings.batchSize = 8
    settings.memory = 8
    settings.compatibility = form == "whole_batch" ? .upstream : .correct
    let agent = try DQN(
      settings,
      AgentContext(algorithm: "dqn", actionKind: .discrete(3), inputs: 7, rows: 8, seed: 5, parts: parts))

    let names = isDueling ? ["feature", "advantage", "value"] : ["q"]
    func activations(_ part: String) -> [Activation] {
      part == "q" ? [.relu, .relu, .relu, .identity] : part == "feature" ? [.relu] : [.relu, .identity]
    }
    var before: [String: NetworkParameters] = [:]
    for part in names { before[part] = try golden.network("policy_before/\(part)", activations(part)) }
    try agent.load(networks: before)
    for (part, network) in agent.target.streams {
      try network.load(try golden.network("target_before/\(part)", activations(part)))
    }

    let batch = try golden["batch"]
    agent.store(
      try batch["state"].floats, actions: try batch["action"].floats, rewards: try batch["reward"].floats,
      next: try batch["next_state"].floats, ends: try batch["non_final"].floats.map { $0 == 1 ? 0 : 2 })
    #expect(agent.isUpdateDue)
    let diagnostics = try agent.learn()
    #expect(!agent.isUpdateDue && diagnostics.updates == 1)

    #expect(firstDifference([diagnostics.loss], [try golden["loss"].double], tolerance: 1e-5) == nil)
    var targets = [Double](repeating: 0, count: 8)
    var taken = targets
    for half in agent.halves {
      for row in 0..<half.rows {
        let place = Int(agent.memory.sample[half.first + row])
        targets[place] = Double(half.targets.pointer[row])
        taken[place] = Double(half.predictions.pointer[row])
      }
    }
    #expect(firstDifference(targets, try golden["target"].doubles, tolerance: 1e-5) == nil)
    #expect(firstDifference(taken, try golden["q_taken"].doubles, tolerance: 1e-5) == nil)

    // Where inputs are huge, small entries are sums of terms near a thousand, which another order rounds elsewhere.
    let tolerance = name == "dqn_clipping" && Kernels.current == .blas ? 5e-5 : 1e-5
    let gradient = FloatBuffer(agent.policy.buffer.count)
    for half in agent.halves {
      for index in 0..<gradient.count { gradient.pointer[index] += half.gradient.pointer[index] }
    }
    for (part, network) in agent.policy.streams {
      let difference = try golden.difference(
        "grad/\(part)", inCheckpointOrder(network, gradient), tolerance: tolerance)
      #expect(difference == nil, "\(difference ?? "")")
      let moved = try golden.difference(
        "policy_after/\(part)", network.parameters,
        undecided: Kernels.current == .blas ? ("grad/\(part)", settings.optimiser.learningRate) : nil)
      #expect(moved == nil, "\(moved ?? "")")
      for (buffer, suffix) in [
        (agent.optimiser.first, "_exp_avg"), (agent.optimiser.second, "_exp_avg_sq"),
        (agent.optimiser.largest, "_max_exp_avg_sq"),
      ] {
        #expect(
          try golden.difference("optimizer_after/\(part)", inCheckpointOrder(network, buffer), suffix: suffix) == nil)
      }
    }
    for (part, network) in agent.target.streams {
      #expect(try golden.difference("target_after/\(part)", network.parameters) == nil)
    }
  }
}
