/**
 * The public interface of the package: Kubernetes' HPA decisions, the reading and checking of HPA files, and their test under a load. Pure.
 */

export type { Autoscaler } from '@lab/hpa/core/autoscalers.ts'
export { autoscalersAmong } from '@lab/hpa/core/autoscalers.ts'
export type { FileObject } from '@lab/hpa/core/documents.ts'
export { objectsIn } from '@lab/hpa/core/documents.ts'
export type { Curve, Expectation, Expectations } from '@lab/hpa/core/expectations.ts'
export { readExpectations } from '@lab/hpa/core/expectations.ts'
export type { Verdict } from '@lab/hpa/core/judge.ts'
export { judge } from '@lab/hpa/core/judge.ts'
export type { Activation, ScaledObject } from '@lab/hpa/core/keda.ts'
export { readScaledObject } from '@lab/hpa/core/keda.ts'
export type { Finding, RuleName, Severity } from '@lab/hpa/core/lint.ts'
export type { Context } from '@lab/hpa/core/lint-file.ts'
export { isWrong, lintFile, lintText } from '@lab/hpa/core/lint-file.ts'
export type { Played } from '@lab/hpa/core/load-curve.ts'
export { loadOfCurves } from '@lab/hpa/core/load-curve.ts'
export { play } from '@lab/hpa/core/play.ts'
export type { TestResult } from '@lab/hpa/core/report.ts'
export { curveText, testJson, testJunit, testSvg, testText } from '@lab/hpa/core/report.ts'
export type { Candidate, Search, Settings, Tuned } from '@lab/hpa/core/tune.ts'
export { tune, tuneText } from '@lab/hpa/core/tune.ts'
export type { Workload } from '@lab/hpa/core/workload.ts'
export { workloadsAmong } from '@lab/hpa/core/workload.ts'
export type { RescaleOutcome, Step } from '@lab/scaler/core/decide.ts'
export { decide, recordRescale } from '@lab/scaler/core/decide.ts'
export type { Condition, Decision, HpaEvent, Memory, MetricReport } from '@lab/scaler/core/decision.ts'
export { emptyMemory, memoryAfterRestart } from '@lab/scaler/core/decision.ts'
export type {
  Behavior,
  ControllerOptions,
  FeatureGates,
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricTarget,
  Observation,
  Pod,
  ReplicaCounts,
  ScalingPolicy,
  ScalingRules,
} from '@lab/scaler/core/types.ts'
export { defaultControllerOptions, defaultFeatureGates, seriesKey } from '@lab/scaler/core/types.ts'
export { problemsOf, readHpa } from '@lab/scaler/manifest/read.ts'
export type { Figures } from '@lab/scaler/replay/figures.ts'
export { figuresOf } from '@lab/scaler/replay/figures.ts'
export type { LoadTick, RecordedLoad, SyncInput } from '@lab/scaler/replay/load.ts'
export { loadOf } from '@lab/scaler/replay/load.ts'
export type { CurvePoint, Override, Run } from '@lab/scaler/replay/replay.ts'
export { replay } from '@lab/scaler/replay/replay.ts'
