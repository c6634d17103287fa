import NeuralNetwork
import TestSupport
import Testing

@testable import Learning

@Suite("DDPG update against goldens")
struct DDPGGoldenTests {
  @Test(
    "one update matches, in one part or two, with each kernel",
    arguments: ["simultaneous", "standard", "standard_sigmoid"], Kernels.withParts)
  func step(name: String, setup: KernelsAndParts) throws {
    try Kernels.using(setup.kernels) { try step(name, parts: setup.parts) }
  }

  private func step(_ name: String, parts: Int) throws {
    let golden = try Golden.load("ddpg_step")[name]
    var settings = DDPGSettings()
    settings.hidden = [8, 16, 16, 8]
    settings.batchSize = 8
    settings.memory = 9
    settings.compatibility = name == "simultaneous" ? .upstream : .correct
    let agent = try DDPG(
      settings,
      AgentContext(
        algorithm: "ddpg", actionKind: name == "standard_sigmoid" ? .instant : .delta, inputs: 7, rows: 8, parts: parts)
    )
    let actor = try golden.activations("actor_activations")
    let critic = try golden.activations("critic_activations")
    try agent.load(networks: [
      "actor": try golden.network("before/actor", actor), "critic": try golden.network("before/critic", critic),
    ])
    try agent.targetActor.load(try golden.network("before/target_actor", actor))
    try agent.targetCritic.load(try golden.network("before/target_critic", critic))
    let batch = try golden["batch"]
    agent.store(
      try batch["state"].floats, actions: try batch["action"].floats, rewards: try batch["reward"].floats,
      next: try batch["next_state"].floats, ends: try batch["done"].floats.map { $0 == 0 ? 0 : 2 })
    #expect(!agent.isUpdateDue, "learning starts with more than a batch")

    // The eight transitions, by hand: the memory would sample them from nine.
    agent.beginUpdate()
    for phase in 0..<agent.phases {
      for part in 0..<agent.parts { agent.run(phase: phase, part: part) }
    }
    try agent.endUpdate()
    let diagnostics = agent.takeDiagnostics()
    #expect(firstDifference([diagnostics.loss], [try golden["critic_loss"].double], tolerance: 1e-5) == nil)
    #expect(firstDifference([diagnostics.policyLoss], [try golden["actor_loss"].double], tolerance: 1e-5) == nil)
    for (name, network, gradients) in [
      ("actor", agent.actor, agent.halves.map(\.actorGradient)),
      ("critic", agent.critic, agent.halves.map(\.criticGradient)),
    ] {
      let sum = FloatBuffer(network.buffer.count)
      for gradient in gradients {
        for index in 0..<sum.count { sum.pointer[index] += gradient.pointer[index] }
      }
      #expect(try golden.difference("grad/\(name)", inCheckpointOrder(network, sum)) == nil)
      #expect(try golden.difference("after/\(name)", network.parameters) == nil)
    }
    #expect(try golden.difference("after/target_actor", agent.targetActor.parameters) == nil)
    #expect(try golden.difference("after/target_critic", agent.targetCritic.parameters) == nil)
  }
}

@Suite("Schedules")
struct ScheduleTests {
  @Test("the action's deviation falls as in the golden table")
  func deviation() throws {
    let table = try Golden.load("tables")["action_std"]
    let schedule = ActionDeviationSchedule()
    #expect(schedule.period(plannedSteps: try table["total_steps"].int) == (try table["every"].int))
    var value = try table["start"].double
    for row in try table["rows"].rows {
      value = schedule.next(after: value)
      #expect(abs(value - (try row["action_std"].double)) < 1e-12)
    }
  }

  @Test("Ornstein–Uhlenbeck noise follows the golden table")
  func noise() throws {
    let table = try Golden.load("tables")["ou_noise"]
    let settings = OrnsteinUhlenbeckSettings()
    let decay = 60 * (try table["episodes"].double) * settings.decayShare
    #expect(abs(decay - (try table["decay_period"].double)) < 1e-9)
    var (x, sigma) = (0.0, settings.sigmaMax)
    for row in try table["rows"].rows {
      #expect(abs(sigma - (try row["sigma_used"].double)) < 1e-12)
      x = settings.next(x, sigma: sigma, draw: try row["draw"].double)
      #expect(abs(x - (try row["noise"].double)) < 1e-9)
      sigma = settings.sigma(after: try row["t"].int, decaySteps: decay)
      #expect(abs(sigma - (try row["sigma_next"].double)) < 1e-12)
    }
  }
}
