/// How much better an action was than expected, from a rollout's rewards and values.
public enum AdvantageEstimation: Codable, Equatable, Sendable {
  /// Discounted return minus value.
  case monteCarlo
  /// Generalised advantage estimation with trace decay λ (Schulman et al. 2016).
  case gae(lambda: Double)
}

/// Sums over one environment's steps. Arrays hold step `t` at `t · stride`; a rollout interleaves its environments.
enum Rollouts {
  /// Discounted returns:  Rₜ = rₜ + γ·Rₜ₊₁.
  ///
  /// - `ends`: raw values of `StepEnd`. After a terminal step nothing follows; after a truncated one, and after the last,
  ///   follows `bootstrap` of that step; before an absent one, `bootstrap` of the absent step.
  static func returns(
    rewards: UnsafePointer<Float>, ends: UnsafePointer<Float>, bootstrap: UnsafePointer<Float>, steps: Int,
    stride: Int, discount: Double, into returns: UnsafeMutablePointer<Float>
  ) {
    var following = 0.0
    var step = steps - 1
    while step >= 0 {
      let place = step * stride
      if ends[place] == StepEnd.absent.rawValue {
        following = Double(bootstrap[place])
        step -= 1
        continue
      } else if ends[place] == StepEnd.terminal.rawValue {
        following = 0
      } else if ends[place] == StepEnd.truncated.rawValue || step == steps - 1 {
        following = Double(bootstrap[place])
      }
      following = Double(rewards[place]) + discount * following
      returns[place] = Float(following)
      step -= 1
    }
  }

  /// Generalised advantages:  δₜ = rₜ + γ·V(sₜ₊₁) − V(sₜ),   Âₜ = δₜ + γλ·Âₜ₊₁, within an episode.
  static func generalisedAdvantages(
    rewards: UnsafePointer<Float>, values: UnsafePointer<Float>, ends: UnsafePointer<Float>,
    bootstrap: UnsafePointer<Float>, steps: Int, stride: Int, discount: Double, lambda: Double,
    into advantages: UnsafeMutablePointer<Float>
  ) {
    var advantage = 0.0
    var step = steps - 1
    while step >= 0 {
      let place = step * stride
      let next: Double
      if ends[place] == StepEnd.absent.rawValue {
        // Its value is that of what the step before led to.
        advantage = 0
        step -= 1
        continue
      } else if ends[place] == StepEnd.terminal.rawValue {
        (next, advantage) = (0, 0)
      } else if ends[place] == StepEnd.truncated.rawValue || step == steps - 1 {
        (next, advantage) = (Double(bootstrap[place]), 0)
      } else {
        next = Double(values[place + stride])
      }
      advantage =
        Double(rewards[place]) + discount * next - Double(values[place]) + discount * lambda * advantage
      advantages[place] = Float(advantage)
      step -= 1
    }
  }

  /// Mean and unbiased standard deviation (0 for fewer than two values).
  static func moments(_ values: UnsafePointer<Float>, count: Int) -> (mean: Double, deviation: Double) {
    var sum = 0.0
    for index in 0..<count { sum += Double(values[index]) }
    let mean = sum / Double(max(1, count))
    var squares = 0.0
    for index in 0..<count {
      let distance = Double(values[index]) - mean
      squares += distance * distance
    }
    return (mean, count < 2 ? 0 : (squares / Double(count - 1)).squareRoot())
  }

  /// x ← (x − mean) / (deviation + ε)
  static func normalise(
    _ values: UnsafeMutablePointer<Float>, count: Int, mean: Double, deviation: Double, epsilon: Double
  ) {
    for index in 0..<count { values[index] = Float((Double(values[index]) - mean) / (deviation + epsilon)) }
  }
}

extension PPO {
  /// Returns, normalised, and advantages.
  func estimateAdvantages() {
    let discount = settings.discount
    let (returns, advantages) = (rollout.returns.pointer, rollout.advantages.pointer)
    if case .gae(let lambda) = settings.advantage {
      // Values in units of reward, as the rewards that they are compared with.
      for sample in 0..<rollout.steps * rows {
        returns[sample] = Float(Double(rollout.values.pointer[sample]) * returnDeviation + returnMean)
      }
      for row in 0..<rows {
        Rollouts.generalisedAdvantages(
          rewards: rollout.rewards.pointer + row, values: returns + row, ends: rollout.ends.pointer + row,
          bootstrap: rollout.bootstrap.pointer + row, steps: rollout.steps, stride: rows, discount: discount,
          lambda: lambda, into: advantages + row)
      }
      rollout.removeAbsent()
      for sample in 0..<rollout.samples { returns[sample] += advantages[sample] }
      let (mean, deviation) = Rollouts.moments(advantages, count: rollout.samples)
      Rollouts.normalise(advantages, count: rollout.samples, mean: mean, deviation: deviation, epsilon: 1e-8)
    } else {
      for row in 0..<rows {
        Rollouts.returns(
          rewards: rollout.rewards.pointer + row, ends: rollout.ends.pointer + row,
          bootstrap: rollout.bootstrap.pointer + row, steps: rollout.steps, stride: rows, discount: discount,
          into: returns + row)
      }
      rollout.removeAbsent()
    }
    let samples = rollout.samples
    (returnMean, returnDeviation) = Rollouts.moments(returns, count: samples)
    Rollouts.normalise(returns, count: samples, mean: returnMean, deviation: returnDeviation, epsilon: 1e-7)
    if case .monteCarlo = settings.advantage {
      for sample in 0..<samples { advantages[sample] = returns[sample] - rollout.values.pointer[sample] }
    }
  }
}
