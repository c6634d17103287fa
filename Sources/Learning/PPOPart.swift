import NeuralNetwork

/// One part of each minibatch.
final class PPOPart {
  let actor: Workspace
  let critic: Workspace
  let actorGradient: FloatBuffer
  let criticGradient: FloatBuffer
  let gathered: FloatBuffer
  let actorRange: Range<Int>
  let criticRange: Range<Int>
  /// Loss of each minibatch step, this part's share.
  let losses: FloatBuffer
  var policyLoss = 0.0
  var valueLoss = 0.0
  var entropy = 0.0
  var value = 0.0
  var clipped = 0
  var divergence = 0.0
  var finite = true

  init(_ actor: NetworkShape, _ critic: NetworkShape, rows: Int, losses: Int, part: Int, parts: Int) {
    self.actor = Workspace(actor, rows: rows)
    self.critic = Workspace(critic, rows: rows)
    actorGradient = FloatBuffer(actor.parameterCount)
    criticGradient = FloatBuffer(critic.parameterCount)
    gathered = FloatBuffer(rows * actor.inputs)
    actorRange = halvesOf(actor.parameterCount, parts: parts, multiple: 16)[part]
    criticRange = halvesOf(critic.parameterCount, parts: parts, multiple: 16)[part]
    self.losses = FloatBuffer(losses)
  }
}
