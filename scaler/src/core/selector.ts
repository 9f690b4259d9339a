/** Validates the label selectors of metrics. The API server accepts invalid selectors; the HPA controller parses them on every sync. */
import { type FieldError, fieldErrorText, invalid, invalidJson } from './field-error.ts'
import { labelValueErrors, qualifiedNameErrors } from './names.ts'
import type { LabelSelector } from './types.ts'

/**
 * Validates a selector by the rules of apimachinery's LabelSelectorAsSelector. Returns Kubernetes' error message, or null if the selector
 * is valid.
 */
export function selectorProblem({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): string | null {
  const labels = Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1))
  const problems = [
    ...labels.map(([key, value]) => requirementProblem(key, [value], [])),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      const isSet = operator === 'In' || operator === 'NotIn'
      if (!isSet && operator !== 'Exists' && operator !== 'DoesNotExist')
        return `${JSON.stringify(operator)} is not a valid label selector operator`
      if (isSet && values.length === 0) {
        return requirementProblem(key, [], [invalidJson('values', null, "for 'in', 'notin' operators, values set can't be empty")])
      }
      const surplus = !isSet && values.length > 0
      return requirementProblem(
        key,
        values,
        surplus ? [invalidJson('values', values, 'values set must be empty for exists and does not exist')] : [],
      )
    }),
  ]
  return problems.find((problem) => problem !== null) ?? null
}

function requirementProblem(key: string, values: readonly string[], others: readonly FieldError[]): string | null {
  const errorsAt = (field: string, value: string, errors: readonly string[]) =>
    errors.length === 0 ? [] : [invalid(field, value, errors.join('; '))]
  const errors = [
    ...errorsAt('key', key, qualifiedNameErrors(key)),
    ...others,
    ...values.flatMap((value, i) => errorsAt(`values[${i}][${key}]`, value, labelValueErrors(value))),
  ]
  const texts = [...new Set(errors.map(fieldErrorText))]
  if (texts.length === 0) return null
  return texts.length === 1 ? texts.join() : `[${texts.join(', ')}]`
}
