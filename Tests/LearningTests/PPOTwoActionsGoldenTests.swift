import NeuralNetwork
import TestSupport
import Testing

@testable import Learning

/// Our agents scale one resource, so their action is one number. The pieces that PPO is made of know no such limit: here
/// they are put together for two.
@Suite("PPO with two actions, from the same pieces, against its golden")
struct PPOTwoActionsGoldenTests {
  @Test("log-probabilities, four epochs' losses, the first gradient and all steps match", arguments: Kernels.allCases)
  func golden(kernels: Kernels) throws {
    try Kernels.using(kernels) { try fourEpochs() }
  }

  private func fourEpochs() throws {
    let golden = try Golden.load("ppo_step")["continuous_tanh_out_2d"]
    let (samples, dimensions) = (12, 2)
    let gaussian = GaussianPolicy(deviation: try golden.attribute("action_std").float)
    let states = Rows(try golden["batch/state"].floats)
    let (actions, old) = (try golden["batch/action"].floats, try golden["batch/old_logprob"].floats)
    let (returns, advantages) = (try golden["returns_normalised"].floats, try golden["advantage"].floats)
    let actor = try Side(golden, "actor", learningRate: 3e-4)
    let critic = try Side(golden, "critic", learningRate: 1e-3)
    let scale = 1 / Float(samples)
    var losses: [Double] = []
    for epoch in 0..<4 {
      actor.forward(states, samples)
      critic.forward(states, samples)
      var loss = 0.0
      var logs: [Float] = []
      for sample in 0..<samples {
        let mean = actor.room.output + sample * dimensions
        let action = actions[sample * dimensions..<(sample + 1) * dimensions]
        let log = zip(action, 0..<dimensions).reduce(Float(0)) {
          $0 + gaussian.logProbability($1.0, mean: mean[$1.1])
        }
        logs.append(log)
        let objective = Losses.clippedObjective(
          logProbability: log, old: old[sample], advantage: advantages[sample], clip: 0.2)
        let error = critic.room.output[sample] - returns[sample]
        loss += Double(objective.loss) + 0.5 * Double(error * error)
        loss -= 0.01 * Double(gaussian.entropy) * Double(dimensions)
        for (place, value) in zip(0..<dimensions, action) {
          actor.room.outputGradient[sample * dimensions + place] =
            objective.gradient * gaussian.gradient(value, mean: mean[place]) * scale
        }
        critic.room.outputGradient[sample] = error * scale
      }
      losses.append(loss / Double(samples))
      actor.backward(states, samples)
      critic.backward(states, samples)
      if epoch == 0 {
        #expect(firstDifference(logs, try golden["epoch0/logprob"].doubles, tolerance: 1e-5) == nil)
        for side in [actor, critic] {
          let gradient = inCheckpointOrder(side.network, side.gradient)
          #expect(try golden.difference("epoch0/grad/\(side.name)", gradient) == nil)
        }
      }
      for side in [actor, critic] { side.step() }
      if epoch == 0 {
        for side in [actor, critic] {
          #expect(try golden.difference("epoch0/after/\(side.name)", side.network.parameters) == nil)
        }
      }
    }
    #expect(firstDifference(losses, try golden["loss_per_epoch"].doubles, tolerance: 1e-5) == nil)
    for side in [actor, critic] {
      #expect(try golden.difference("after_all_epochs/\(side.name)", side.network.parameters) == nil)
    }
  }

  private final class Side {
    let name: String
    let network: MLP
    let room: Workspace
    let gradient: FloatBuffer
    let optimiser: Optimiser

    init(_ golden: Golden, _ name: String, learningRate: Double) throws {
      self.name = name
      let parameters = try golden.network("before/\(name)", try golden.activations("\(name)_activations"))
      network = MLP(try NetworkShape(parameters))
      try network.load(parameters)
      room = Workspace(network.shape, rows: 12)
      gradient = FloatBuffer(network.shape.parameterCount)
      optimiser = Optimiser(OptimiserSettings(.adam, learningRate: learningRate), count: network.shape.parameterCount)
    }

    func forward(_ states: Rows, _ rows: Int) {
      network.forward(states.pointer, stride: network.shape.inputs, rows: rows, in: room)
    }

    func backward(_ states: Rows, _ rows: Int) {
      network.backward(
        states.pointer, stride: network.shape.inputs, rows: rows, in: room, gradient: gradient.pointer)
    }

    func step() {
      optimiser.begin()
      #expect(optimiser.apply(to: network.buffer.pointer, gradient: gradient.pointer, range: 0..<optimiser.count))
    }
  }
}
