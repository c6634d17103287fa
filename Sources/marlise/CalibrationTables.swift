import PodSimulation
import Terminal

/// A cross-validation of the simulated kernel's fitted parameters as tables.
struct CalibrationTables {
  let calibration: FidelityCalibration

  init(_ calibration: FidelityCalibration) { self.calibration = calibration }

  func text(style: Style) -> String {
    var folds = Table([
      .text("chosen on"), .number("cells"), .text("judged on"), .number("cells"), .number("slice", unit: "ms"),
      .number("speed"), .number("there"), .number("judged"), .number("defaults"), .number("best possible"),
    ])
    for fold in calibration.folds {
      folds.add([
        .text(fold.fitted), .number(fold.fittedCells), .text(fold.judged), .number(fold.judgedCells),
        .number(fold.choice.slice * 1000, decimals: 1), .number(fold.choice.speed, decimals: 3),
        .number(fold.fittedScore, decimals: 3), .number(fold.judgedScore, decimals: 3),
        .number(fold.defaultScore, decimals: 3), .number(fold.bestScore, decimals: 3),
      ])
    }
    var grid = Table(
      [.text("slice, ms")] + FidelityCalibration.speeds.map { .number("speed \(Number.short($0))") })
    for (slice, scores) in zip(FidelityCalibration.slices, calibration.scores) {
      grid.add([.text(Number.fixed(slice * 1000, 1))] + scores.map { .number($0, decimals: 3) })
    }
    let robust = calibration.robust
    let defaults = PodParameters()
    return """
      Errors over what is required, averaged: 1 is just enough, less is better

      \(folds.plain(style: style))
      On all cells

      \(grid.plain(style: style))
      best in the worst part: slice \(Number.fixed(robust.slice * 1000, 1)) ms, speed \(Number.fixed(robust.speed, 3)); \
      defaults: slice \(Number.fixed(defaults.slice * 1000, 1)) ms, speed \(Number.fixed(defaults.speed, 3))

      """
  }
}
