/// Every pod of every episode gets one of the other generated workloads with its default parameters: what a policy should
/// be trained on when the load is not known beforehand.
struct MixtureLoad: LoadShape {
  static let kind = WorkloadKind(
    name: "mixture", summary: "every pod and episode another of the workloads above"
  ) { input in
    let kinds = [
      ConstantLoad.kind, StepLoad.kind, RampLoad.kind, DiurnalLoad.kind, NoisyLoad.kind, BurstyLoad.kind,
      FlashCrowdLoad.kind, RandomLoad.kind, RandomWalkLoad.kind,
    ]
    return MixtureLoad(
      shapes: try kinds.map { kind in
        let defaults = kind.parameters.map { ($0.name, $0.value) }
        return try kind.make(
          LoadInput(settings: input.settings, values: Dictionary(defaults, uniquingKeysWith: { first, _ in first })))
      })
  }

  let shapes: [any LoadShape]

  func fill(_ rates: UnsafeMutableBufferPointer<Float>, _ context: inout EpisodeContext) {
    shapes[context.random.below(shapes.count)].fill(rates, &context)
  }
}
