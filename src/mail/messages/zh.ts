// Every sentence of every mail, in Chinese, simplified characters.
import type { Language } from '../language.ts'

export const zh: Language = {
  tag: 'zh-Hans',
  direction: 'ltr',
  formats: 'zh-Hans',

  hello: (name) => `${name}，您好：`,
  helloStranger: '您好：',
  copyLink: '如果按钮无法使用，请将此链接复制到浏览器中打开：',
  orTypeCode: '或者在提示处输入此验证码：',
  linkAndCodeOnce: (lifetime) => `链接和验证码只能使用一次，有效期为${lifetime}。`,
  linkOnce: (lifetime) => `链接只能使用一次，有效期为${lifetime}。`,
  device: '设备：',
  network: '网络：',
  time: '时间：',

  verifyEmail: {
    subject: (brand) => `请确认您在 ${brand} 的电子邮箱`,
    ask: (brand) => `请确认这是您在 ${brand} 使用的电子邮箱。请打开此链接并点击确认：`,
    button: '确认电子邮箱',
    notYou: '如果这不是您本人的请求，请忽略此邮件，该邮箱将保持未确认状态。',
  },
  addressTaken: {
    subject: (brand) => `您在 ${brand} 已有账号`,
    what: (brand) => `有人（可能是您本人）尝试使用此邮箱注册 ${brand}。您在该处已有账号，因此未作任何更改。`,
    ifYou: '如果是您本人，请照常登录。如果忘记了密码，请在登录页面重置密码。',
    notYou: '如果不是您本人，请忽略此邮件，您的账号没有任何变化。',
  },
  resetPassword: {
    subject: (brand) => `请为您的 ${brand} 账号设置新密码`,
    ask: (brand) => `有人（可能是您本人）请求为您在 ${brand} 的账号设置新密码。请打开此链接并设置新密码：`,
    button: '设置新密码',
    notYou: '如果这不是您本人的请求，请忽略此邮件，您的密码不会改变。',
  },
  passwordChanged: {
    subject: (brand) => `您的 ${brand} 账号密码已更改`,
    what: (brand) => `您在 ${brand} 的账号密码刚刚被更改。`,
    ifYou: '如果是您本人操作，则无需处理。其他设备需要重新登录。',
    notYou:
      '如果不是您本人操作，请立即在登录页面重置密码，所有设备都会因此退出登录。然后请检查是否有他人能读取您的邮件。',
  },
  changeEmail: {
    subject: (brand) => `请确认您在 ${brand} 的新电子邮箱`,
    ask: (brand) => `您在 ${brand} 的账号将改用此电子邮箱。请打开此链接并点击确认：`,
    button: '使用此邮箱',
    notYou: '如果这不是您本人的请求，请忽略此邮件，不会有任何改变。',
  },
  emailChanged: {
    subject: (brand) => `您在 ${brand} 的电子邮箱已更改`,
    what: (brand, newEmail) => `您在 ${brand} 的账号现已改用邮箱 ${newEmail}，不再使用本邮箱。`,
    undo: '如果不是您本人操作，请打开此链接恢复您的邮箱：',
    button: '恢复我的邮箱',
    afterUndo: '恢复后请设置新密码，因为有他人进入过您的账号。',
    ifYou: '如果是您本人操作，则无需处理。',
  },
  teamInvitation: {
    subject: (brand) => `您被邀请加入 ${brand} 的一个团队`,
    ask: (brand) => `您被邀请加入 ${brand} 的一个团队。请打开此链接以接受邀请：`,
    askNamed: (brand, team) => `您被邀请加入 ${brand} 的团队“${team}”。请打开此链接以接受邀请：`,
    button: '查看邀请',
    condition: '请使用此电子邮箱对应的账号加入。如果您还没有账号，请先用此邮箱注册，然后再次打开该链接。',
    notYou: '如果这不是您所期待的邮件，请忽略，您不会加入任何团队。',
  },
  register: {
    subject: (brand) => `请确认您的电子邮箱以注册 ${brand}`,
    ask: (brand) =>
      `有人（可能是您本人）希望使用此邮箱在 ${brand} 注册账号。如果是您本人，请打开此链接并点击确认：`,
    notYou: '如果不是您本人，请忽略此邮件，也不要点击确认，否则他人可能以您的名义注册账号。',
  },
  identityLinked: {
    subject: (brand) => `您的 ${brand} 账号新增了登录方式`,
    what: (brand, provider) => `从现在起，也可以通过 ${provider} 登录您在 ${brand} 的账号。`,
    ifYou: '如果是您本人操作，则无需处理。',
    notYou:
      '如果不是您本人操作，请登录并移除此登录方式，然后更改密码。如果您已无法登录，请在登录页面重置密码。',
  },
  apiKeyCreated: {
    subject: (brand) => `您的 ${brand} 账号新增了 API 密钥`,
    what: (brand) => `刚刚为您在 ${brand} 的账号创建了一个 API 密钥。持有它的程序无需登录即可代您操作。`,
    ifYou: '如果是您本人操作，则无需处理。',
    notYou: '如果不是您本人操作，请立即在登录页面重置密码：所有 API 密钥都会因此失效，所有设备都会退出登录。',
  },
  newDevice: {
    subject: (brand) => `您的 ${brand} 账号有新的登录`,
    what: (brand) => `刚刚有人从一台未曾使用过的设备登录了您在 ${brand} 的账号。`,
    ifYou: '如果是您本人操作，则无需处理。',
    notYou:
      '如果不是您本人操作，请立即更改密码，其他所有设备都会因此退出登录。如果您已无法登录，请在登录页面重置密码。',
  },
}
