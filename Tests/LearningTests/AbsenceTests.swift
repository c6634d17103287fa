import NeuralNetwork
import RandomStreams
import Testing

@testable import Learning

@Suite("Steps of environments that were not there")
struct AbsenceTests {
  private static let absent = StepEnd.absent.rawValue

  @Test("what was before and after an absence are pieces of their own", arguments: 0..<50)
  func pieces(seed: UInt64) {
    let steps = 40
    let episode = Episode(seed: seed, steps: steps)
    var random = RandomStream(seed: seed, purpose: "absence")
    let from = 1 + random.below(steps - 2)
    let to = from + 1 + random.below(steps - from - 1)
    for step in from..<to { episode.ends.buffer.pointer[step] = Self.absent }
    // The step before the gap goes on: into what the gap's first step was acted on, whose value is its bootstrap.
    episode.ends.buffer.pointer[from - 1] = StepEnd.goesOn.rawValue
    episode.bootstrap.buffer.pointer[from] = episode.values.pointer[from]
    let (returns, advantages) = (FloatBuffer(steps), FloatBuffer(steps))
    estimate(episode, 0, steps, returns, advantages)

    episode.ends.buffer.pointer[from - 1] = StepEnd.truncated.rawValue
    episode.bootstrap.buffer.pointer[from - 1] = episode.values.pointer[from]
    let (returnsOfPieces, advantagesOfPieces) = (FloatBuffer(steps), FloatBuffer(steps))
    estimate(episode, 0, from, returnsOfPieces, advantagesOfPieces)
    estimate(episode, to, steps, returnsOfPieces, advantagesOfPieces)
    for step in 0..<steps where !(from..<to).contains(step) {
      #expect(returns.pointer[step] == returnsOfPieces.pointer[step])
      #expect(advantages.pointer[step] == advantagesOfPieces.pointer[step])
    }
  }

  private func estimate(_ episode: Episode, _ from: Int, _ to: Int, _ returns: FloatBuffer, _ advantages: FloatBuffer) {
    Rollouts.returns(
      rewards: episode.rewards.pointer + from, ends: episode.ends.pointer + from,
      bootstrap: episode.bootstrap.pointer + from, steps: to - from, stride: 1, discount: 0.9,
      into: returns.pointer + from)
    Rollouts.generalisedAdvantages(
      rewards: episode.rewards.pointer + from, values: episode.values.pointer + from,
      ends: episode.ends.pointer + from, bootstrap: episode.bootstrap.pointer + from, steps: to - from, stride: 1,
      discount: 0.9, lambda: 0.8, into: advantages.pointer + from)
  }

  @Test("nothing is learnt from them, whatever they hold", arguments: Algorithms.names)
  func garbage(name: String) throws {
    let clean = try train(name, garbage: 0)
    #expect(clean.allSatisfy { $0.layers.allSatisfy { $0.weight.allSatisfy(\.isFinite) } })
    #expect(try train(name, garbage: .nan) == clean)
    #expect(try train(name, garbage: nil) != clean)
  }

  /// The parameters after some updates of two agents in three environments, one of which is away for a third of the time; nil
  /// for one that is always there.
  private func train(_ name: String, garbage: Float?) throws -> [NetworkParameters] {
    let algorithm = try Algorithms.named(name)
    let (agents, clusters, inputs, steps) = (2, 3, 11, 12)
    let group = try AgentGroup(
      algorithm, settings: Playground.settings(algorithm), count: agents, clusters: clusters, inputs: inputs, seed: 5,
      episodeSteps: steps, plannedSteps: 200)
    let rows = agents * clusters
    let (now, next) = (FloatBuffer(rows * inputs), FloatBuffer(rows * inputs))
    let (actions, rewards, ends) = (FloatBuffer(rows), FloatBuffer(rows), FloatBuffer(rows))
    var random = RandomStream(seed: 9, purpose: "absence")
    for index in 0..<now.count { now.pointer[index] = random.uniform() }
    for step in 0..<60 {
      group.act(now.pointer, exploring: true, into: actions.pointer)
      for row in 0..<rows {
        rewards.pointer[row] = random.uniform()
        for input in 0..<inputs { next.pointer[row * inputs + input] = random.uniform() }
        ends.pointer[row] = (step % steps == steps - 1 ? StepEnd.truncated : .goesOn).rawValue
        if let garbage, row % clusters == 1, step % steps >= 4, step % steps < 8 {
          ends.pointer[row] = Self.absent
          rewards.pointer[row] = garbage
        }
      }
      group.store(
        observations: now.pointer, actions: actions.pointer, rewards: rewards.pointer, nextObservations: next.pointer,
        ends: ends.pointer)
      try group.learn()
      now.copy(from: next)
    }
    return group.agents.flatMap { agent in agent.networks.map(\.parameters) }
  }
}
