import NeuralNetwork
import TestSupport
import Testing

@testable import Learning

@Suite("PPO update against goldens")
struct PPOGoldenTests {
  static let cases = ["continuous_upstream", "continuous_sigmoid_hidden", "continuous_tanh_out", "discrete"]

  /// An agent that holds the golden's rollout, ready to learn for `epochs`.
  static func agent(_ name: String, epochs: Int, parts: Int) throws -> (PPO, Golden) {
    let golden = try Golden.load("ppo_step")[name]
    let activations = try golden.activations("actor_activations")
    var settings = PPOSettings()
    settings.hidden = [8, 16, 16, 8]
    settings.updateEvery = 2
    settings.epochs = epochs
    settings.discount = try golden.attribute("gamma").double
    settings.deviation.start = try golden.attribute("action_std").double
    settings.compatibility = activations.last == .identity ? .upstream : .correct
    let kind: ActionKind = name == "discrete" ? .discrete(3) : activations.contains(.sigmoid) ? .instant : .delta
    let agent = try PPO(
      settings, AgentContext(algorithm: "ppo", actionKind: kind, inputs: 7, parts: parts, episodeSteps: 6))
    #expect(agent.actor.shape.activations == activations)
    try agent.load(networks: [
      "actor": try golden.network("before/actor", activations),
      "critic": try golden.network("before/critic", try golden.activations("critic_activations")),
    ])
    let batch = try golden["batch"]
    let (states, actions) = (try batch["state"].floats, try batch["action"].floats)
    let (rewards, terminal) = (try batch["reward"].floats, try batch["terminal"].floats)
    let (logs, values) = (try batch["old_logprob"].floats, try batch["old_value"].floats)
    for step in 0..<12 {
      agent.pendingLogProbabilities.pointer[0] = logs[step]
      agent.pendingValues.pointer[0] = values[step]
      let state = Array(states[step * 7..<step * 7 + 7])
      agent.store(
        state, actions: [actions[step]], rewards: [rewards[step]], next: state, ends: [terminal[step] == 0 ? 0 : 2])
    }
    return (agent, golden)
  }

  @Test("returns, advantages, one epoch's loss, gradients and step match", arguments: cases, Kernels.withParts)
  func oneEpoch(name: String, setup: KernelsAndParts) throws {
    try Kernels.using(setup.kernels) { try oneEpoch(name, parts: setup.parts) }
  }

  private func oneEpoch(_ name: String, parts: Int) throws {
    let (agent, golden) = try Self.agent(name, epochs: 1, parts: parts)
    let diagnostics = try agent.learn()
    #expect(
      firstDifference(agent.rollout.returns.values, try golden["returns_normalised"].doubles, tolerance: 1e-5) == nil)
    #expect(firstDifference(agent.rollout.advantages.values, try golden["advantage"].doubles, tolerance: 1e-5) == nil)
    #expect(firstDifference([diagnostics.loss], [try golden["epoch0/loss"].double], tolerance: 1e-5) == nil)
    #expect(firstDifference([diagnostics.valueLoss], [try golden["epoch0/value_loss"].double], tolerance: 1e-5) == nil)
    #expect(
      abs(diagnostics.clippedFraction - (try clippedFraction(golden))) < 1e-9)
    for (name, side) in [("actor", agent.actorSide), ("critic", agent.criticSide)] {
      let network = side.network
      #expect(try golden.difference("epoch0/grad/\(name)", inCheckpointOrder(network, side.gradient)) == nil)
      #expect(try golden.difference("epoch0/after/\(name)", network.parameters) == nil)
    }
  }

  /// Samples whose clipped surrogate is the smaller.
  func clippedFraction(_ golden: Golden) throws -> Double {
    let (free, bounded) = (try golden["epoch0/surrogate1"].doubles, try golden["epoch0/surrogate2"].doubles)
    return Double(zip(free, bounded).filter { $0 > $1 + 1e-9 }.count) / Double(free.count)
  }

  @Test("four epochs match", arguments: cases, Kernels.withParts)
  func fourEpochs(name: String, setup: KernelsAndParts) throws {
    try Kernels.using(setup.kernels) { try fourEpochs(name, parts: setup.parts) }
  }

  private func fourEpochs(_ name: String, parts: Int) throws {
    let (agent, golden) = try Self.agent(name, epochs: 4, parts: parts)
    try agent.learn()
    let losses = (0..<4).map { epoch in
      Double(agent.actorSide.objectives.pointer[epoch]) + Double(agent.criticSide.objectives.pointer[epoch])
    }
    #expect(firstDifference(losses, try golden["loss_per_epoch"].doubles, tolerance: 1e-5) == nil)
    #expect(try golden.difference("after_all_epochs/actor", agent.actor.parameters) == nil)
    #expect(try golden.difference("after_all_epochs/critic", agent.critic.parameters) == nil)
  }

  @Test("generalised advantages match", arguments: ["gamma099_lambda095", "gamma099_lambda092", "gamma090_lambda100"])
  func gae(name: String) throws {
    let golden = try Golden.load("gae")[name]
    let (rewards, values) = (Rows(try golden["reward"].floats), Rows(try golden["value"].floats))
    let ends = Rows(try golden["terminal"].floats.map { $0 == 0 ? 0 : 2 })
    let bootstrap = Rows([Float](repeating: 0, count: 9) + [try golden["bootstrap_value"].float])
    let advantages = FloatBuffer(10)
    let (discount, lambda) = (try golden.attribute("gamma").double, try golden.attribute("lambda").double)
    Rollouts.generalisedAdvantages(
      rewards: rewards.pointer, values: values.pointer, ends: ends.pointer, bootstrap: bootstrap.pointer, steps: 10,
      stride: 1, discount: discount, lambda: lambda, into: advantages.pointer)
    #expect(firstDifference(advantages.values, try golden["advantage"].doubles, tolerance: 1e-5) == nil)
    let sums = zip(advantages.values, values.buffer.values).map { $0 + $1 }
    #expect(firstDifference(sums, try golden["td_lambda_return"].doubles, tolerance: 1e-5) == nil)
    let (mean, deviation) = Rollouts.moments(advantages.pointer, count: 10)
    Rollouts.normalise(advantages.pointer, count: 10, mean: mean, deviation: deviation, epsilon: 1e-8)
    #expect(firstDifference(advantages.values, try golden["advantage_normalised"].doubles, tolerance: 1e-5) == nil)
    withExtendedLifetime((rewards, values, ends, bootstrap)) {}
  }

  @Test("λ = 1 gives discounted returns minus values, cut or not", arguments: 0..<20 as Range<UInt64>)
  func equivalence(seed: UInt64) {
    let noise = Episode(seed: seed, steps: 30)
    let (advantages, returns) = (FloatBuffer(30), FloatBuffer(30))
    Rollouts.generalisedAdvantages(
      rewards: noise.rewards.pointer, values: noise.values.pointer, ends: noise.ends.pointer,
      bootstrap: noise.bootstrap.pointer, steps: 30, stride: 1, discount: 0.9, lambda: 1, into: advantages.pointer)
    Rollouts.returns(
      rewards: noise.rewards.pointer, ends: noise.ends.pointer, bootstrap: noise.bootstrap.pointer, steps: 30,
      stride: 1, discount: 0.9, into: returns.pointer)
    let expected = zip(returns.values, noise.values.buffer.values).map { Double($0 - $1) }
    #expect(firstDifference(advantages.values, expected, tolerance: 1e-5) == nil)
    withExtendedLifetime(noise) {}
  }
}
